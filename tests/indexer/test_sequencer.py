"""Numbers follow commits, rise for ever, and are kept as long as was asked for."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appview.commands import rebuild
from appview.config import from_env
from indexer.decisions import Wakes
from indexer.sequencer import CHANNEL
from indexer.steps import Step
from lexicons.syntax import Did
from migrations.database import Pool
from migrations.runner import Connection
from tests.indexer.changes import NOW, new_writer
from tests.indexer.stream import Clock, new_sequencer
from tests.support import wait_until

MICROSECOND = timedelta(microseconds=1)


async def put(where: "Pool | Connection", *names: str) -> None:
    await where.execute(
        "insert into stream.outbox (kind, did) select 'identity', unnest($1::text[])", list(names)
    )


async def log(pool: Pool) -> list[str]:
    rows = await pool.fetch("select did from stream.event order by seq")
    return [row["did"] for row in rows]


async def seqs(pool: Pool) -> list[int]:
    rows = await pool.fetch("select seq from stream.event order by seq")
    return [row["seq"] for row in rows]


@pytest.fixture
async def clock(pool: Pool) -> Clock:
    """Ahead of the moment at which the database was made."""
    started = await pool.fetchval("select started_at from stream.state")
    return Clock(started + timedelta(hours=1))


async def test_numbers_are_unix_microseconds_in_the_order_of_each_writer(
    pool: Pool, clock: Clock
) -> None:
    await put(pool, "a", "b", "c")
    assert await new_sequencer(pool, clock).number() == 3
    first = round(clock.now.timestamp() * 1_000_000)
    assert await seqs(pool) == [first, first + 1, first + 2]
    assert await log(pool) == ["a", "b", "c"]
    assert await pool.fetchval("select count(*) from stream.outbox") == 0


async def test_who_commits_late_is_numbered_late(pool: Pool, clock: Clock) -> None:
    sequencer = new_sequencer(pool, clock)
    async with pool.acquire() as slow:
        writing = slow.transaction()
        await writing.start()
        await put(slow, "slow")
        await put(pool, "fast")
        assert await sequencer.number() == 1
        read_so_far = await seqs(pool)
        await writing.commit()
    assert await sequencer.number() == 1
    assert await log(pool) == ["fast", "slow"]
    assert (await seqs(pool))[:1] == read_so_far


async def test_what_was_rolled_back_is_never_told(pool: Pool) -> None:
    async with pool.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        await put(connection, "undone")
        await undone.rollback()
    await put(pool, "done")
    await new_sequencer(pool).number()
    assert await log(pool) == ["done"]


@pytest.mark.parametrize("step", [timedelta(0), -MICROSECOND, timedelta(days=-3000)])
async def test_a_clock_that_steps_back_reuses_no_number(
    pool: Pool, clock: Clock, step: timedelta
) -> None:
    await put(pool, "a", "b")
    await new_sequencer(pool, clock).number()
    clock.now += step
    await put(pool, "c")
    await new_sequencer(pool, clock).number()
    first, second, third = await seqs(pool)
    assert (second, third) == (first + 1, second + 1)


async def test_a_number_is_not_reused_when_its_event_is_gone(pool: Pool, clock: Clock) -> None:
    await put(pool, "a")
    await new_sequencer(pool, clock).number()
    (first,) = await seqs(pool)
    assert await new_sequencer(pool, clock, events=0).trim()
    await put(pool, "b")
    await new_sequencer(pool, clock).number()
    assert await seqs(pool) == [first + 1]


async def test_two_who_number_at_once_take_turns(pool: Pool, clock: Clock) -> None:
    """As when one leader has not noticed yet that another leads."""
    names = [str(number) for number in range(200)]
    await put(pool, *names)
    sequencers = [new_sequencer(pool, clock) for _ in range(4)]

    async def work(number: int) -> None:
        for _ in range(20):
            await sequencers[number].number(7)

    await asyncio.gather(*(work(number) for number in range(4)))
    await sequencers[0].number_all()
    assert sorted(await log(pool)) == sorted(names)
    assert await pool.fetchval("select events from stream.state") == 200
    assert await pool.fetchval("select last_seq from stream.state") == (await seqs(pool))[-1]


async def test_readers_see_no_number_behind_a_higher_one(pool: Pool) -> None:
    """Many writers, two who number, and one who reads what is new all the time."""
    writers, each = 8, 40
    sequencers = [new_sequencer(pool) for _ in range(2)]
    read: list[int] = []

    async def write(name: int) -> None:
        for number in range(each):
            async with pool.acquire() as connection, connection.transaction():
                await put(connection, f"{name}/{number}")
                await connection.execute("select pg_sleep($1)", number % 3 / 1000)

    async def read_on() -> None:
        rows = await pool.fetch(
            "select seq from stream.event where seq > $1 order by seq", read[-1] if read else 0
        )
        read.extend(row["seq"] for row in rows)

    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(write(name)) for name in range(writers)]
        while not all(task.done() for task in writing):
            await asyncio.gather(read_on(), *(one.number(3) for one in sequencers))
    while await sequencers[0].number():
        pass
    await read_on()
    assert read == await seqs(pool)
    assert len(read) == writers * each
    for name in range(writers):
        own = [did for did in await log(pool) if did.startswith(f"{name}/")]
        assert own == [f"{name}/{number}" for number in range(each)]


async def test_listeners_are_woken(pool: Pool) -> None:
    heard: list[object] = []
    async with pool.acquire() as connection:
        await connection.add_listener(CHANNEL, lambda *_: heard.append(1))
        await put(pool, "a", "b")
        await new_sequencer(pool).number()
        await wait_until(lambda: heard)
        await connection.reset()
    assert len(heard) == 1


async def test_each_commit_of_the_writer_wakes_the_sequencer(pool: Pool) -> None:
    wakes = Wakes()
    await replace(new_writer(pool), committed=wakes.ring).write([], None)
    assert wakes.numbering.is_set()


@pytest.fixture
async def aged(pool: Pool, clock: Clock) -> Pool:
    """Ten events, an hour between each two, the last of them of now."""
    await pool.execute(
        """
        insert into stream.outbox (kind, did, at)
        select 'identity', hour::text, $1::timestamptz - (10 - hour) * interval '1 hour'
        from generate_series(1, 10) as hour
        """,
        clock.now,
    )
    await new_sequencer(pool, clock).number()
    return pool


async def test_events_are_kept_for_so_many_hours(aged: Pool, clock: Clock) -> None:
    all_seqs = await seqs(aged)
    sequencer = new_sequencer(aged, clock, hours=4)
    assert await sequencer.trim()
    assert not await sequencer.trim()
    assert await log(aged) == ["6", "7", "8", "9", "10"]
    assert await aged.fetchval("select trimmed_seq from stream.state") == all_seqs[4]


async def test_and_no_more_of_them_than_so_many(aged: Pool, clock: Clock) -> None:
    sequencer = new_sequencer(aged, clock, events=3)
    while await sequencer.trim(2):
        assert await aged.fetchval("select events from stream.state") == len(await log(aged))
    assert await log(aged) == ["8", "9", "10"]


async def test_an_index_is_filled_when_all_who_were_found_were_tried(pool: Pool) -> None:
    sequencer = new_sequencer(pool)

    async def is_filled() -> bool:
        await sequencer.note_filled()
        return bool(await pool.fetchval("select filled_at is not null from stream.state"))

    await pool.execute("update stream.state set started_at = $1", NOW)
    assert not await is_filled()
    await pool.execute(
        """
        insert into repo (did, attempts) values ('did:plc:away', 1), ('did:plc:found', 0);
        insert into discovery (source, collection) values ('relay', 'x');
        """
    )
    assert not await is_filled()
    await pool.execute("update discovery set finished_at = now()")
    assert not await is_filled()
    await pool.execute("update repo set state = 'synchronized' where did = 'did:plc:found'")
    assert await is_filled()


async def test_a_first_filling_that_does_not_end_is_given_up_after_a_day(
    pool: Pool, clock: Clock
) -> None:
    await new_sequencer(pool, clock).note_filled()
    assert await pool.fetchval("select filled_at from stream.state") is None
    clock.now += timedelta(days=1)
    await new_sequencer(pool, clock).note_filled()
    assert await pool.fetchval("select filled_at from stream.state") is not None


async def test_a_rebuild_starts_anew_above_every_number_of_before(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    clock = Clock(datetime(2100, 1, 1, tzinfo=NOW.tzinfo))  # a clock that was wrong, then mended
    await put(pool, "a")
    await new_sequencer(pool, clock).number()
    (seq,) = await seqs(pool)
    await put(pool, "not numbered yet")
    config = from_env({"PLYR_DATABASE_URL": database_url, "PLYR_DATA_DIR": str(tmp_path)})
    await rebuild.rebuild(config, confirmed=True)
    assert await log(pool) == []
    await put(pool, "b")
    await new_sequencer(pool).number()
    assert await seqs(pool) == [seq + 1]
    state = await pool.fetchrow("select trimmed_seq, filled_at from stream.state")
    assert state is not None
    assert tuple(state) == (seq, None)


async def test_a_step_without_news_tells_nothing(pool: Pool) -> None:
    await new_writer(pool).write([Step(Did("did:plc:quiet"))], None)
    assert await new_sequencer(pool).number() == 0
