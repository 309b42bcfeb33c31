"""The program is killed in the middle of its work, again and again, and loses and doubles nothing.

The moments are random, by a seed, and follow the work and not the clock: so they lie within it on
a machine of any speed.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from indexer.leadership import LEADER_LOCK
from indexer.writer import LOCK as WRITER_LOCK
from migrations.database import Pool, create_pool
from tests.databases import new_database
from tests.indexer.crowd import introduce, record_crowd
from tests.indexer.directory import serving_directory
from tests.indexer.dump import everything
from tests.indexer.stream import mirror, shown
from tests.support import wait_until

COMMAND = Path(sys.executable).with_name("plyr-appview")
ROOT = Path(__file__).parents[2]
PEOPLE = 50
WRITES = 3_000
SEED = 20
RUN_SECONDS = 60

# Records come with the stream; then accounts are asked for, one after another.
HOW_IT_STANDS = """
with held as (
    select classid::bigint << 32 | objid::bigint as lock
    from pg_locks
    join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and objsubid = 1 and granted and datname = current_database()
)
select
    (select count(*) from record)
        + (select count(*) from account where identity_due_at > now()) as progress,
    $1 in (select lock from held) as works,
    $2 in (select lock from held) as is_writing
"""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """To be killed when so much is done, and so much later; perhaps within a transaction."""

    progress: int
    is_writing: bool
    seconds: float


@dataclass(slots=True)
class Replay:
    """One run of the program, and what can be seen of it from outside."""

    process: asyncio.subprocess.Process
    watcher: Pool

    @classmethod
    async def start(cls, file: Path, database_url: str, directory: str, watcher: Pool) -> "Replay":
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLYR_")}
        settings = {
            "PYTHONPATH": str(ROOT),
            "PLYR_DATABASE_URL": database_url,
            "PLYR_DATA_DIR": str(file.parent / "data"),
            "PLYR_PLC_URL": directory,
            "PLYR_HANDLE_RESOLVER_URL": directory,
            "PLYR_LOG_LEVEL": "warning",
        }
        process = await asyncio.create_subprocess_exec(
            str(COMMAND),
            "replay",
            str(file),
            cwd=file.parent,
            env=kept | settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        return cls(process, watcher)

    async def look(self) -> asyncpg.Record:
        row = await self.watcher.fetchrow(HOW_IT_STANDS, LEADER_LOCK, WRITER_LOCK)
        assert row is not None
        return row

    async def works(self) -> None:
        """Wait until it has begun: that Python starts is not what is tested."""

        async def has_begun() -> bool:
            return bool((await self.look())["works"])

        await wait_until(has_begun, RUN_SECONDS)

    async def killed(self, moment: Moment) -> asyncpg.Record:
        """End it as a power cut would, and answer how it stood."""

        async def has_come() -> bool:
            assert self.process.returncode is None, f"it ended before {moment}"
            stands = await self.look()
            return stands["progress"] >= moment.progress and (
                stands["is_writing"] or not moment.is_writing
            )

        await self.works()
        await wait_until(has_come, RUN_SECONDS)
        await asyncio.sleep(moment.seconds)
        self.process.send_signal(signal.SIGSTOP)  # what is seen is what is killed
        stood = await self.look()
        self.process.kill()
        assert await self.process.wait() == -signal.SIGKILL
        return stood

    async def ended(self) -> None:
        async with asyncio.timeout(RUN_SECONDS):
            assert await self.process.wait() == 0


def random_moments(records: int, accounts: int, run_seconds: float) -> list[Moment]:
    """Twenty: one before anything is done, many while records are written, some after."""
    chance = random.Random(SEED)
    within = [
        Moment(progress, is_writing=True, seconds=chance.uniform(0, 0.02))
        for progress in chance.sample(range(records * 3 // 4), 8)
    ]
    anywhere = [
        Moment(progress, is_writing=False, seconds=chance.uniform(0, run_seconds / 10))
        for progress in chance.sample(range(records), 8)
    ]
    while_asking = [
        Moment(records + number, is_writing=False, seconds=0)
        for number in chance.sample(range(accounts // 2), 3)
    ]
    return [Moment(0, False, 0), *sorted(within + anywhere + while_asking)]


@pytest.fixture
async def other_database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    async with new_database(postgres_url, template) as url:
        yield url


async def test_kill_9_at_twenty_moments_of_a_replay_loses_and_doubles_nothing(
    database_url: str, other_database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "frames.bin"
    documents = record_crowd(file, PEOPLE, WRITES, SEED)
    async with (
        serving_directory(documents) as directory,
        create_pool(other_database_url) as undisturbed,
        create_pool(database_url) as crashed,
    ):
        await introduce(other_database_url, documents)
        run = await Replay.start(file, other_database_url, directory, undisturbed)
        await run.works()
        begun = time.monotonic()
        await run.ended()
        run_seconds = time.monotonic() - begun
        records = await undisturbed.fetchval("select count(*) from record")

        await introduce(database_url, documents)
        stood = []
        for moment in random_moments(records, len(documents), run_seconds):
            run = await Replay.start(file, database_url, directory, crashed)
            stood.append(await run.killed(moment))
        run = await Replay.start(file, database_url, directory, crashed)
        await run.ended()

        assert await everything(crashed) == await everything(undisturbed)
        assert await mirror(crashed) == await shown(crashed)
        assert await crashed.fetchval("select count(*) from stream.outbox") == 0

    # The moments were what they should be: before, within and between transactions.
    assert len(stood) == 20
    assert stood[0]["progress"] == 0
    assert sum(one["is_writing"] for one in stood) >= 3
    assert len({one["progress"] for one in stood if 0 < one["progress"] < records}) >= 4
    assert any(records < one["progress"] for one in stood)
