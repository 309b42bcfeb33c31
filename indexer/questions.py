"""Questions that stand in a table, asked as they fall due: many at a time, few of one host.

A host that is slow to answer holds up the questions about its own accounts and nobody else's. Who
has many names is asked under each, and stands aside while we wait.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from lexicons.syntax import Did
from xrpc.tasks import first_of

AT_ONCE = 32
AT_ONCE_PER_HOST = 4
# Whoever takes longer is one of those that others do not wait for.
ASIDE_SECONDS = 0.5
AT_MOST = 128
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Question:
    did: Did
    host: str


@dataclass(frozen=True, slots=True)
class Except:
    """What is not to be asked about now."""

    dids: Collection[Did]
    hosts: Collection[str]


@dataclass(frozen=True, slots=True)
class Asked:
    host: str
    since: float


Due = Callable[[Except, int], Awaitable[Sequence[Question]]]
"""The longest due first, at most so many; of one account there may be several."""


@dataclass(slots=True)
class Asker:
    """One kind of question, of which an account is asked one at a time."""

    due: Due
    ask: Callable[[Did], Awaitable[None]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _asking: dict[Did, Asked] = field(default_factory=dict)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self.wake.clear()
                while questions := await self._next(()):
                    for question in questions:
                        group.create_task(self._answered(question.did))
                await first_of(self.wake, ASIDE_SECONDS if self._asking else POLL_SECONDS)

    async def round(self) -> bool:
        """Ask what is due, each question once; tell whether there was any."""
        asked: set[Did] = set()
        while questions := await self._next(asked):
            async with asyncio.TaskGroup() as group:
                for question in questions:
                    asked.add(question.did)
                    group.create_task(self._answered(question.did))
        return bool(asked)

    async def _next(self, asked: Collection[Did]) -> list[Question]:
        now = asyncio.get_running_loop().time()
        at_host = Counter(asked.host for asked in self._asking.values())
        busy = [host for host, number in at_host.items() if number >= AT_ONCE_PER_HOST]
        free = self._free(now)
        if free <= 0:
            return []
        chosen = []
        for question in await self.due(Except([*self._asking, *asked], busy), free):
            if at_host[question.host] < AT_ONCE_PER_HOST and question.did not in self._asking:
                at_host[question.host] += 1
                self._asking[question.did] = Asked(question.host, now)
                chosen.append(question)
        return chosen

    def _free(self, now: float) -> int:
        aside = sum(now - asked.since >= ASIDE_SECONDS for asked in self._asking.values())
        return min(AT_ONCE + aside, AT_MOST) - len(self._asking)

    async def _answered(self, did: Did) -> None:
        try:
            await self.ask(did)
        finally:
            del self._asking[did]
            self.wake.set()
