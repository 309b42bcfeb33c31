"""Questions that are due, and hosts that never answer theirs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from indexer.questions import (
    ASIDE_SECONDS,
    AT_MOST,
    AT_ONCE,
    AT_ONCE_PER_HOST,
    Asker,
    Except,
    Question,
)
from lexicons.syntax import Did
from tests.support import wait_until
from xrpc.tasks import end, first_of


@dataclass(slots=True)
class Table:
    """`silent` are the hosts that never answer."""

    questions: list[Question]
    silent: set[str]
    asked: list[str] = field(default_factory=list)

    async def due(self, besides: Except, limit: int) -> Sequence[Question]:
        due = (
            question
            for question in self.questions
            if question.did not in besides.dids and question.host not in besides.hosts
        )
        return list(due)[:limit]

    async def ask(self, did: Did) -> None:
        (question,) = (one for one in self.questions if one.did == did)
        self.asked.append(question.host)
        if question.host in self.silent:
            await asyncio.Event().wait()
        self.questions.remove(question)


@asynccontextmanager
async def asking(table: Table) -> AsyncIterator[None]:
    running = asyncio.create_task(Asker(table.due, table.ask).run())
    try:
        yield
    finally:
        await end([running])


def question(number: int, host: str) -> Question:
    return Question(Did(f"did:plc:{number}"), host)


async def test_hosts_of_many_names_that_never_answer_hold_up_nobody_else() -> None:
    names = [f"t{number}.evil.com" for number in range(2 * AT_ONCE)]
    tarpits = [question(number, name) for number, name in enumerate(names)]
    table = Table([*tarpits, question(-1, "friend.com")], set(names))
    async with asking(table):
        await wait_until(lambda: "friend.com" in table.asked)
        assert len(table.asked) == 2 * AT_ONCE + 1


async def test_one_host_is_asked_few_questions_though_none_is_answered() -> None:
    table = Table([question(number, "evil.com") for number in range(100)], {"evil.com"})
    table.questions.append(question(-1, "friend.com"))
    async with asking(table):
        await wait_until(lambda: "friend.com" in table.asked)
        assert table.asked.count("evil.com") == AT_ONCE_PER_HOST


async def test_those_who_stand_aside_are_not_without_end() -> None:
    names = [f"t{number}.evil.com" for number in range(2 * AT_MOST)]
    table = Table([question(*each) for each in enumerate(names)], set(names))
    async with asking(table):
        await wait_until(lambda: len(table.asked) >= AT_MOST)
        await first_of(asyncio.Event(), ASIDE_SECONDS + 0.2)
        assert len(table.asked) == AT_MOST
