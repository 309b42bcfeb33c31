"""What a step does beside its records: accounts, repos, queues and the cursor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import indexer.records.registry
from indexer.repo_state import RepoState, State
from indexer.steps import AccountStatus, Cursor, QueuedFrame, Step
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, NOW, change, index, like, new_writer, tid, track

LATER = NOW + timedelta(hours=1)
SYNCHRONIZED = RepoState(
    ALICE, State.SYNCHRONIZED, tid(1), b"root", frozenset({"fm.plyr.track", "fm.plyr.like"})
)


async def write(pool: Pool, *steps: Step, now: datetime = NOW) -> None:
    await new_writer(pool, now).write(steps, None)


async def one(pool: Pool, query: str) -> tuple[Any, ...]:
    (row,) = await pool.fetch(query)
    return tuple(row)


async def test_a_status_hides_and_shows_an_account(pool: Pool) -> None:
    query = "select upstream_status, active, counted_active from account"
    await write(pool, Step(ALICE, account=AccountStatus(ALICE, "takendown", active=False)))
    assert await one(pool, query) == ("takendown", False, True)
    await index(pool, change(track()))
    assert await one(pool, query) == ("takendown", False, True)
    await write(pool, Step(ALICE, account=AccountStatus(ALICE, "active", active=True)))
    assert await one(pool, query) == ("active", True, True)


async def test_the_last_word_about_an_account_counts(pool: Pool) -> None:
    said = [AccountStatus(ALICE, word, active=word == "c") for word in "abc"]
    await write(pool, *[Step(ALICE, account=status) for status in said])
    assert await one(pool, "select upstream_status, active from account") == ("c", True)


async def test_a_hosts_own_word_is_cut_to_what_postgres_can_hold(pool: Pool) -> None:
    await write(pool, Step(ALICE, account=AccountStatus(ALICE, "\0" + "é" * 5000, active=False)))
    (status,) = await one(pool, "select upstream_status from account")
    assert (status[:3], len(status) < 200) == ("\\0é", True)


async def test_questions_about_an_account_become_due_and_are_answered(pool: Pool) -> None:
    query = "select status_due_at, status_failures, identity_due_at, identity_failures from account"
    await write(pool, Step(ALICE))
    await pool.execute("update account set status_failures = 3, identity_failures = 3")
    await write(pool, Step(ALICE, status_due=ALICE), now=LATER)
    assert await one(pool, query) == (LATER, 0, NOW, 3)
    await write(pool, Step(ALICE, identity_due=ALICE), now=LATER)
    assert await one(pool, query) == (LATER, 0, LATER, 0)
    await write(pool, Step(ALICE, status_due=ALICE), Step(ALICE, status_known=ALICE))
    assert await one(pool, query) == (None, 0, LATER, 0)


async def test_the_state_of_a_repo_is_stored(pool: Pool) -> None:
    await write(pool, Step(ALICE, repo=SYNCHRONIZED))
    row = await one(pool, "select did, state, rev, data, walked, reason, synced_at from repo")
    walked = ["fm.plyr.like", "fm.plyr.track"]
    assert row == (ALICE, "synchronized", tid(1), b"root", walked, None, NOW)
    broken = RepoState(ALICE, State.DESYNCHRONIZED, reason="a gap\0")
    await write(pool, Step(ALICE, repo=SYNCHRONIZED), Step(ALICE, repo=broken), now=LATER)
    row = await one(pool, "select state, rev, data, walked, reason, due_at, synced_at from repo")
    assert row == ("desynchronized", None, None, [], "a gap\\0", LATER, NOW)


async def test_a_walk_that_failed_is_not_due_again_with_every_commit(pool: Pool) -> None:
    broken = RepoState(ALICE, State.DESYNCHRONIZED)
    await write(pool, Step(ALICE, repo=broken))
    await pool.execute("update repo set attempts = 2, due_at = $1", LATER)
    await write(pool, Step(ALICE, repo=broken), now=NOW + timedelta(minutes=1))
    assert await one(pool, "select attempts, due_at from repo") == (2, LATER)
    await write(pool, Step(ALICE, repo=SYNCHRONIZED))
    assert await one(pool, "select attempts from repo") == (0,)


def frame(seq: int, did: Any = ALICE) -> QueuedFrame:
    return QueuedFrame(did, seq, tid(seq), b"frame", "waiting")


async def queue(pool: Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch("select did, seq from repo_queue order by did, seq")
    return [(row[0], row[1]) for row in rows]


async def test_frames_wait_in_order_until_they_leave(pool: Pool) -> None:
    await write(pool, *[Step(ALICE, enqueue=frame(seq)) for seq in (2, 1, 3, 2)])
    await write(pool, Step(BOB, enqueue=frame(1, BOB)))
    assert await queue(pool) == [(ALICE, 1), (ALICE, 2), (ALICE, 3), (BOB, 1)]
    await write(pool, Step(ALICE, dequeue_through=2))
    assert await queue(pool) == [(ALICE, 3), (BOB, 1)]


async def test_a_queue_is_drained_and_filled_in_the_order_of_the_steps(pool: Pool) -> None:
    drain = Step(ALICE, dequeue_through=5)
    await write(pool, Step(ALICE, enqueue=frame(4)), drain, Step(ALICE, enqueue=frame(5)))
    assert await queue(pool) == [(ALICE, 5)]


async def test_a_forgotten_repo_leaves_its_queue_but_not_its_records(pool: Pool) -> None:
    steps = [Step(ALICE, (change(track()),), SYNCHRONIZED), Step(ALICE, enqueue=frame(1))]
    await write(pool, *steps, Step(BOB, enqueue=frame(1, BOB)))
    await write(pool, Step(ALICE, forget=ALICE))
    assert await queue(pool) == [(BOB, 1)]
    assert await one(pool, "select (select count(*) from repo), count(*) from track") == (0, 1)
    await write(pool, Step(ALICE, forget=ALICE), Step(ALICE, repo=SYNCHRONIZED))
    assert await one(pool, "select did from repo") == (ALICE,)


async def test_the_cursor_moves_with_its_batch(pool: Pool) -> None:
    query = "select host, seq, event_at, received_at, updated_at, connected from relay_cursor"
    cursor = Cursor("relay.example", 3, "2026-10-01T13:59:59.25+02:00", NOW)
    await index(pool, change(like()), cursor=cursor)
    event_at = datetime(2026, 10, 1, 11, 59, 59, 250_000, tzinfo=UTC)
    assert await one(pool, query) == ("relay.example", 3, event_at, NOW, NOW, False)
    await index(pool, cursor=Cursor("relay.example", 4, "0000-01-01T00:00:00Z", LATER), now=LATER)
    assert await one(pool, query) == ("relay.example", 4, None, LATER, LATER, False)


async def test_nothing_to_write_is_nothing_written(pool: Pool) -> None:
    result = await index(pool)
    assert (result.applied, result.stale, result.quarantined) == (0, 0, 0)


@pytest.mark.parametrize("suffix", ["did", "list_uri"])
async def test_every_table_that_names_an_account_is_known_to_the_purge(
    pool: Pool, suffix: str
) -> None:
    rows = await pool.fetch(
        """
        select table_name
        from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE' and column_name = $1
        """,
        suffix,
    )
    of_records = {table for kind in indexer.records.registry.RECORD_TYPES for table in kind.tables}
    others = {"account", "repo", "repo_queue", "repo_request", "record", "link", "account_count"}
    followers = {"album"}  # of tracks and lists
    assert {row[0] for row in rows} <= of_records | others | followers
