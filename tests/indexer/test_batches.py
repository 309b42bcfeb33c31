"""A batch is whole or not at all, whatever Postgres, the network or a kill does to it."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from indexer.events import QuarantineReason
from indexer.repo_state import RepoState, State
from indexer.steps import AccountStatus, Cursor, QueuedFrame, Step
from lexicons.syntax import RecordKey
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    NOW,
    TRACK_URI,
    change,
    comment,
    deletion,
    dump,
    index,
    like,
    listing,
    new_writer,
    profile,
    track,
    uri,
)
from tests.indexer.deaths import dies
from tests.support import wait_until

CURSOR = Cursor("relay.example", 7, "2026-10-01T11:59:58.5Z", NOW)


async def refuse(pool: Pool, sqlstate: str) -> None:
    """Have a Postgres that cannot hold one more kind of value, and says so with that code."""
    await pool.execute(
        f"""
        create function refuse() returns trigger language plpgsql as $$
        begin
            raise exception 'cannot hold that' using errcode = '{sqlstate}';
        end $$;
        create trigger refuse before insert or update on track for each row
        when (new.title = 'unspeakable') execute function refuse();
        create trigger refuse before insert or update on record for each row
        when (new.rkey = 'unspeakable') execute function refuse();
        create trigger refuse before insert or update on repo_queue for each row
        when (new.seq = 666) execute function refuse();
        """
    )


async def titles(pool: Pool) -> list[str]:
    return [row[0] for row in await pool.fetch("select title from track order by uri")]


async def cursor_seq(pool: Pool) -> int | None:
    seq: int | None = await pool.fetchval("select seq from relay_cursor")
    return seq


@pytest.mark.parametrize("sqlstate", ["22021", "22P05", "54000"])
async def test_one_value_that_postgres_refuses_costs_one_record(pool: Pool, sqlstate: str) -> None:
    await refuse(pool, sqlstate)
    changes = [change(track(title=str(n)), key=n) for n in range(20)]
    changes[13] = change(track(title="unspeakable"), key=13)
    result = await index(pool, *changes, cursor=CURSOR)
    assert (result.applied, result.quarantined) == (19, 1)
    assert result.reasons == {QuarantineReason.UNSTORABLE: 1}
    assert await titles(pool) == [str(n) for n in range(20) if n != 13]
    held = await pool.fetchrow(
        "select rkey, reason, detail, value from record where cid = $1", changes[13].cid
    )
    assert held is not None
    assert tuple(held) == (changes[13].rkey, "unstorable", "cannot hold that", changes[13].value)
    assert await cursor_seq(pool) == 7


async def test_within_a_step_the_neighbours_live_too(pool: Pool) -> None:
    await refuse(pool, "22000")
    names = ["a", "unspeakable", "c", "unspeakable", "e"]
    step = Step(
        ALICE, changes=tuple(change(track(title=name), key=n) for n, name in enumerate(names))
    )
    result = await new_writer(pool).write([step], CURSOR)
    assert (result.applied, result.quarantined) == (3, 2)
    assert await titles(pool) == ["a", "c", "e"]


async def test_an_unstorable_version_takes_the_old_one_away(pool: Pool) -> None:
    await refuse(pool, "22000")
    await index(pool, change(track(), rev=1))
    await index(pool, change(track(title="unspeakable"), rev=2))
    assert await titles(pool) == []
    await index(pool, change(track(title="better"), rev=3))
    assert await titles(pool) == ["better"]


async def test_a_record_without_any_place_is_left_out(pool: Pool) -> None:
    await refuse(pool, "22000")
    good, homeless = change(track()), change(track(), key="unspeakable")
    nul = replace(good, rkey=RecordKey("a\0b"))
    result = await index(
        pool, change(track()), homeless, nul, change(like(), did=BOB), cursor=CURSOR
    )
    assert (result.applied, result.quarantined) == (2, 2)
    assert await pool.fetchval("select count(*) from record") == 2
    assert await cursor_seq(pool) == 7


async def test_a_step_that_fails_by_itself_is_our_fault_and_raises(pool: Pool) -> None:
    await refuse(pool, "22000")
    queued = QueuedFrame(ALICE, 666, "rev", b"", "waiting")
    steps = [Step(BOB, (change(like(), did=BOB),)), Step(ALICE, (change(track()),), enqueue=queued)]
    before = await dump(pool)
    with pytest.raises(asyncpg.DataError, match="cannot hold that"):
        await new_writer(pool).write(steps, CURSOR)
    assert await dump(pool) == before


async def test_any_other_error_raises_and_leaves_nothing(pool: Pool) -> None:
    await refuse(pool, "P0001")
    before = await dump(pool)
    with pytest.raises(asyncpg.RaiseError, match="cannot hold that"):
        await index(pool, change(track()), change(track(title="unspeakable"), key=2), cursor=CURSOR)
    assert await dump(pool) == before


def whole_life() -> list[list[Step]]:
    """Batches that use every statement there is."""
    album = change(listing(TRACK_URI, uri(ALICE, "track", 2)), did=CAROL)
    likes = [change(like(), did=BOB, key=key) for key in (1, 2)]
    first = [
        Step(
            ALICE, (change(track()), change(track(), key=2)), RepoState(ALICE, State.SYNCHRONIZED)
        ),
        Step(BOB, tuple(likes), enqueue=QueuedFrame(BOB, 4, "rev", b"frame", "waiting")),
        Step(
            CAROL, (album, change(comment(), did=CAROL), change(profile(), did=CAROL, key="self"))
        ),
    ]
    second = [
        Step(ALICE, (change(track(title="b"), rev=2),), account=AccountStatus(ALICE, "x", False)),
        Step(BOB, (deletion(likes[0], rev=2), change(like(), did=BOB, key=0)), dequeue_through=4),
        Step(CAROL, (change(listing(TRACK_URI), did=CAROL, rev=2),), forget=CAROL),
        Step(CAROL, (change({}, collection="fm.plyr.comment", did=CAROL, rev=3),)),
    ]
    return [first, second]


@pytest.mark.parametrize("batch", [0, 1])
async def test_a_kill_at_any_statement_leaves_nothing_and_a_replay_everything(
    pool: Pool, database_url: str, batch: int
) -> None:
    history = whole_life()
    for steps in history[:batch]:
        await new_writer(pool).write(steps, CURSOR)
    before = await dump(pool)
    statements = 0
    while True:
        statements += 1
        was_killed = await dies(
            pool,
            database_url,
            statements,
            lambda dying: new_writer(dying).write(history[batch], CURSOR),
        )
        found = await dump(pool)
        if not was_killed:
            break
        if found != before:  # killed behind the commit
            break
    assert statements > 12
    await new_writer(pool).write(history[batch], CURSOR)
    after = await dump(pool)
    assert found == after != before


async def test_writers_at_the_same_time_take_turns(pool: Pool) -> None:
    async def like_all(did: str, revs: range) -> None:
        for rev in revs:
            likes = [
                change(like(uri(ALICE, "track", n)), did=did, key=n, rev=rev) for n in range(20)
            ]
            await index(pool, *likes)

    people = [BOB, CAROL, BOB, CAROL]
    await asyncio.gather(*[like_all(did, range(1, 6)) for did in people])
    likes = await pool.fetch("select likes from subject_count")
    assert [row[0] for row in likes] == [2] * 20


async def test_statuses_wait_for_an_identity_and_lock_no_two_accounts_crosswise(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    steps = [Step(did, account=AccountStatus(did, "gone", active=False)) for did in (BOB, ALICE)]
    async with pool.acquire() as other, other.transaction():
        await other.execute("update account set pds = 'x' where did = $1", ALICE)
        writing = asyncio.create_task(new_writer(pool).write(steps, None))
        await wait_until(lambda: is_waiting_for_a_row(pool))
        await other.execute("update account set pds = 'x' where did = $1", BOB)
    await writing
    assert await pool.fetchval("select bool_or(active) from account") is False


async def test_R44_a_deadlock_is_tried_again(database_url: str, pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    steps = [Step(did, account=AccountStatus(did, "gone", active=False)) for did in (ALICE, BOB)]
    impatient = {"deadlock_timeout": "50ms"}
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=1, server_settings=impatient
    ) as victims:
        async with pool.acquire() as other, other.transaction():
            await other.execute("update account set pds = 'x' where did = $1", BOB)
            writing = asyncio.create_task(new_writer(victims).write(steps, None))
            await wait_until(lambda: is_waiting_for_a_row(pool))
            await other.execute("update account set pds = 'x' where did = $1", ALICE)
        await writing
    rows = await pool.fetch("select pds, active from account")
    assert [tuple(row) for row in rows] == [("x", False)] * 2


async def is_waiting_for_a_row(pool: Pool) -> bool:
    waiting: bool = await pool.fetchval(
        """
        select exists (
            select
            from pg_stat_activity
            where datname = current_database()
              and wait_event_type = 'Lock'
              and wait_event = 'transactionid'
        )
        """
    )
    return waiting
