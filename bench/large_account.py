"""An account with 100,000 likes is hidden and restored, while others write at their pace."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import asyncpg

from bench.catalogue import SIZES, fill
from bench.report import Figure
from bench.visible import Scene, scene, until_visible
from indexer.events import RecordChange
from indexer.records.registry import record_types
from indexer.steps import Step
from indexer.writer import Writer
from lexicons.catalog import load_catalog
from lexicons.cid import cid_text, dag_cbor_cid
from lexicons.data_model import encode
from lexicons.syntax import Did, Nsid, RecordKey, Tid
from migrations import embedded, runner
from migrations.database import Pool, create_pool
from tests.network import makers
from tests.network.world import Person
from tests.support import wait_until

LIKES = TRACKS = SIZES["100k"]
LIKES_AT_ONCE = 500
PAUSE_SECONDS = 0.05
QUIET_SECONDS = 20
ASKERS = 16
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 600

# That a catalogue was just filled is not what is measured: nobody is walked, nothing made findable.
NOTHING_DUE = "truncate repo, derived.search_due"
IS_FOLLOWED = """
select active = $2 and counted_active = $2 and recount_after is null from account where did = $1
"""
WRONG = """
select count(*)
from subject_count
full join (
    select subject, count(*) as likes from link where kind = 'like' and counted group by subject
) as exact using (subject)
where coalesce(subject_count.likes, 0) <> coalesce(exact.likes, 0)
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """One turn of the account: how long it took, and how the others fared before and meanwhile."""

    seen_millis: float
    exact_seconds: float
    before: Sequence[float]
    meanwhile: Sequence[float]


async def large_account() -> list[Figure]:
    collectors: list[Person] = []

    async def collected(made: Scene) -> None:
        collectors.append(await made.world.person("collector", greeted=False))
        async with embedded.running(made.data_dir / "postgres") as url:
            await runner.migrate(url)
            await fill(url, TRACKS)
            async with create_pool(url) as pool:
                await pool.execute(NOTHING_DUE)
                await give_likes(pool, collectors[0])

    async with scene(collected) as made, embedded.running(made.data_dir / "postgres") as url:
        database = await asyncpg.connect(url)
        turns = Turns(collectors[0], Others(made, random.Random(1)), database)
        hidden, restored = await turns.taken()
        await database.close()
    return [
        *figures("hidden", hidden),
        *figures("restored", restored),
    ]


async def give_likes(pool: Pool, person: Person) -> None:
    """One of every track, through the writer."""
    did, clock = Did(person.did), person.world.clock
    writer = Writer(pool, record_types("fm.plyr"), load_catalog(), lambda: datetime.now(UTC))
    subjects = iter(await pool.fetch("select uri from track order by random()"))
    while some := list(islice(subjects, LIKES_AT_ONCE)):
        rev = Tid(clock.next())
        values = [encode(makers.like(row["uri"])) for row in some]
        changes = [
            RecordChange(
                did, Nsid("fm.plyr.like"), RecordKey(clock.next()), rev,
                cid_text(dag_cbor_cid(value)), value, live=False,
            )
            for value in values
        ]  # fmt: skip
        await writer.write([Step(did=did, changes=tuple(changes))], None)
    await pool.execute("vacuum analyze")


@dataclass(frozen=True, slots=True)
class Others:
    """They write one track after the other, the clock of each running on its own."""

    made: Scene
    chance: random.Random

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[list[float]]:
        """Gives the milliseconds until each was visible, whole when the block has ended."""
        millis: list[float] = []
        idle = deque([await self.made.asker() for _ in range(ASKERS)])

        async def one(number: int) -> None:
            asker = idle.popleft()
            millis.append(await until_visible(asker, self.chance.choice(self.made.people), number))
            idle.append(asker)

        async def without_end(group: asyncio.TaskGroup) -> None:
            number = 0
            while True:
                number += 1
                if idle:  # never more than so many at once
                    group.create_task(one(number))
                await asyncio.sleep(PAUSE_SECONDS)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(without_end(group))
            yield millis
            task.cancel()
        for asker in idle:
            asker.writer.close()


@dataclass(frozen=True, slots=True)
class Turns:
    collector: Person
    others: Others
    database: asyncpg.Connection

    async def taken(self) -> tuple[Followed, Followed]:
        mark = (await self.collector.write(makers.track("Mark"))).uri
        await (await self.others.made.asker()).until_seen(mark)
        hidden = await self._turn("deactivated", mark)
        assert await self._given() == 0
        restored = await self._turn("active", mark)
        assert await self._given() == LIKES
        return hidden, restored

    async def _turn(self, status: str, mark: str) -> Followed:
        async with self.others.writing() as before:
            await asyncio.sleep(QUIET_SECONDS)
        shown = status == "active"
        async with self.others.writing() as meanwhile:
            asker = await self.others.made.asker()
            begun = time.perf_counter()
            await self.collector.become(status)
            while await asker.sees(mark) != shown:  # noqa: ASYNC110 - as clients do
                await asyncio.sleep(POLL_SECONDS)
            seen_millis = (time.perf_counter() - begun) * 1000
            await wait_until(lambda: self._is_followed(shown=shown), PATIENCE_SECONDS)
            exact_seconds = time.perf_counter() - begun
        assert await self.database.fetchval(WRONG) == 0
        return Followed(seen_millis, exact_seconds, before, meanwhile)

    async def _is_followed(self, *, shown: bool) -> bool:
        followed: bool = await self.database.fetchval(IS_FOLLOWED, self.collector.did, shown)
        return followed

    async def _given(self) -> int:
        given: int = await self.database.fetchval(
            "select likes_given from account_count where did = $1", self.collector.did
        )
        return given


def figures(turn: str, followed: Followed) -> list[Figure]:
    count = len(followed.meanwhile)
    found = [
        Figure(f"{LIKES:,} likes {turn}, seen after", followed.seen_millis, "ms"),
        Figure("counters exact after", followed.exact_seconds, "s"),
    ]
    for name, rank in {"p50": 0.5, "p99": 0.99, "slowest": 1.0}.items():
        ours, yardstick = at(rank, followed.meanwhile), at(rank, followed.before)
        what = f"commit to visible of {count} others, {name}"
        found.append(Figure(what, ours, "ms", yardstick, ours / yardstick))
    return found


def at(rank: float, millis: Sequence[float]) -> float:
    return sorted(millis)[int(rank * (len(millis) - 1))]
