"""A deleted account is erased: all of it, nothing else, and only when nobody can doubt it."""

from typing import Any

import pytest

from indexer.purge import CHUNK_BYTES, Purge
from indexer.records.registry import RECORD_TYPES
from indexer.repo_state import RepoState, State
from indexer.steps import AccountStatus, QueuedFrame, Step
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    NOW,
    TRACK_URI,
    TYPES,
    change,
    comment,
    deletion,
    dump,
    index,
    like,
    listing,
    new_pipeline,
    new_writer,
    profile,
    tid,
    track,
    uri,
)
from tests.indexer.deaths import dies
from tests.indexer.test_counters import (
    assert_links_are_sound,
    counts_kept,
    counts_worked_out,
    recount,
)

SECRET = "what nobody should read again"
BOBS_TRACK = uri(BOB, "track", 1)
# Of an account that is gone stay who it was, that it is gone, and what others did to it.
KEPT = {"account", "account_count", "repo", "repo_request", "record"}


async def tell(
    pool: Pool, status: str = "deleted", *, active: bool = False, known: bool = True
) -> None:
    """What upstream says of Bob; not yet known: his PDS is still to be asked."""
    said = AccountStatus(BOB, status, active)
    answered, asked = (BOB, None) if known else (None, BOB)
    step = Step(BOB, account=said, status_known=answered, status_due=asked)
    await new_writer(pool).write([step], None)


async def purge_all(pool: Pool, limit: int = 500) -> int:
    purging, chunks = Purge(pool, new_pipeline(pool)), 0
    while await purging.purge_some(limit):
        chunks += 1
    return chunks


def life() -> list[Any]:
    """Everything an account can have written, and what others made of it."""
    return [
        change(track(), key=1),
        change(track(title=SECRET, description=f"#{SECRET}", album=SECRET), did=BOB),
        change(like(), did=BOB),
        change(like(), did=BOB, key=2),
        change(comment(text=SECRET), did=BOB),
        change(listing(TRACK_URI, BOBS_TRACK, name=SECRET), did=BOB),
        change(profile(bio=SECRET), did=BOB, key="self"),
        change({"$type": "app.bsky.actor.profile", "displayName": SECRET}, did=BOB, key="self"),
        change({"$type": "fm.plyr.track", "title": SECRET}, did=BOB, key=7),
        change(like(BOBS_TRACK)),
        change(like(), did=CAROL),
        change(comment(BOBS_TRACK), did=CAROL),
    ]


async def live(pool: Pool) -> None:
    repo = RepoState(BOB, State.WAITING, tid(1), b"root")
    queued = QueuedFrame(BOB, 1, tid(2), SECRET.encode(), "account inactive")
    await index(pool, *life())
    await new_writer(pool).write([Step(BOB, repo=repo, enqueue=queued)], None)


async def rows_of_bob(pool: Pool) -> dict[str, int]:
    """By table with a column for an account, a list or a track."""
    tables = await pool.fetch(
        """
        select table_name, column_name
        from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE'
          and column_name in ('did', 'list_uri', 'track_uri')
        """
    )
    return {
        table: await pool.fetchval(
            f'select count(*) from "{table}" where starts_with("{column}", $1)',
            BOB if column == "did" else f"at://{BOB}/",
        )
        for table, column in tables
    }


async def test_73_every_table_is_emptied_of_a_deleted_account(pool: Pool) -> None:
    await live(pool)
    before = await rows_of_bob(pool)
    assert {table for table, count in before.items() if count == 0} == {"repo_request"}
    assert {table for kind in RECORD_TYPES for table in kind.tables} <= set(before) - KEPT
    await tell(pool)
    assert await purge_all(pool) == 1
    after = await rows_of_bob(pool)
    assert {table for table, count in after.items() if count} == KEPT - {"repo_request"}
    assert SECRET not in repr(await dump(pool)) and SECRET.encode() not in values(await dump(pool))
    states = await pool.fetch(
        "select distinct state, reason, rev, counted, cid, value from record where did = $1", BOB
    )
    assert [tuple(row) for row in states] == [("deleted", "purged", tid(1), False, None, None)]
    assert await pool.fetchval("select purged_at from account where did = $1", BOB) == NOW


def values(tables: dict[str, list[tuple[Any, ...]]]) -> bytes:
    rows = [row for table in tables.values() for row in table]
    return b"\n".join(value for row in rows for value in row if isinstance(value, bytes))


async def test_73_R14_its_counts_go_and_what_others_did_stays(pool: Pool) -> None:
    await live(pool)
    await tell(pool)
    await purge_all(pool, 2)
    await recount(pool)
    await assert_links_are_sound(pool)
    assert await counts_kept(pool) == await counts_worked_out(pool)
    subjects, accounts = await counts_kept(pool)
    assert subjects == {TRACK_URI: (1, 0, 0), BOBS_TRACK: (1, 1, 0)}
    assert accounts[BOB] == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("deactivated", False),
        ("takendown", False),
        ("suspended", False),
        ("newthing", False),
        ("active", True),
        ("deleted", True),
    ],
)
async def test_75_nobody_else_is_purged(pool: Pool, status: str, active: bool) -> None:
    await live(pool)
    await tell(pool, status, active=active)
    before = await dump(pool)
    assert await purge_all(pool) == 0
    assert await dump(pool) == before


async def test_74_78_what_the_pds_has_not_confirmed_is_not_erased(pool: Pool) -> None:
    await live(pool)
    await tell(pool, known=False)
    assert await purge_all(pool) == 0
    await tell(pool, "active", active=True)
    assert await purge_all(pool) == 0
    await tell(pool)
    assert await purge_all(pool) == 1


async def test_a_walk_that_is_under_way_is_let_end_first(pool: Pool) -> None:
    await live(pool)
    await tell(pool)
    await new_writer(pool).write([Step(BOB, repo=RepoState(BOB, State.RESYNCING))], None)
    assert await purge_all(pool) == 0
    await new_writer(pool).write([Step(BOB, repo=RepoState(BOB, State.DESYNCHRONIZED))], None)
    assert await purge_all(pool) == 1


async def test_a_large_account_goes_in_chunks_the_counts_right_after_each(pool: Pool) -> None:
    likes = [change(like(uri(ALICE, "track", n)), did=BOB, key=n) for n in range(30)]
    await index(pool, *likes, change(track(), did=BOB), change(like(), did=CAROL))
    await tell(pool)
    purging, left = Purge(pool, new_pipeline(pool)), []
    while await purging.purge_some(7):
        left.append(await pool.fetchval("select count(*) from record where cid is not null") - 1)
        await assert_links_are_sound(pool)
        await new_writer(pool).recount(3)
    # The last one is the second look, from the start.
    assert left == [24, 17, 10, 3, 0, 0]
    await recount(pool)
    assert await counts_kept(pool) == await counts_worked_out(pool)


async def test_records_that_are_large_go_in_smaller_chunks(pool: Pool) -> None:
    large = track(unknown="x" * (CHUNK_BYTES // 5 * 2))
    await index(pool, *[change(large, did=BOB, key=n) for n in range(5)])
    await tell(pool)
    # Two, two, one, and the second look.
    assert await purge_all(pool) == 4
    assert await pool.fetchval("select count(*) from track") == 0


async def test_what_an_account_returns_to_half_way_is_left_alone(pool: Pool) -> None:
    await index(pool, *[change(track(), did=BOB, key=n) for n in range(6)])
    pipeline = new_pipeline(pool)
    pipeline.repos[BOB] = RepoState(BOB, State.SYNCHRONIZED, tid(1), walked=frozenset(TYPES))
    await new_writer(pool).write([Step(BOB, repo=pipeline.repos[BOB])], None)
    await tell(pool)
    pipeline.queued[BOB] = 10
    purging = Purge(pool, pipeline)
    assert await purging.purge_some(4)
    repo = pipeline.repos[BOB]
    assert (repo.state, repo.rev, repo.walked) == (State.GONE, tid(1), frozenset())
    assert BOB not in pipeline.queued
    row = await pool.fetchrow("select state, rev, walked from repo")
    assert row is not None and tuple(row) == ("gone", tid(1), [])
    await tell(pool, "active", active=True)
    assert not await purging.purge_some(4)
    assert await pool.fetchval("select count(*) from track") == 2
    await index(pool, *[change(track(), did=BOB, key=n) for n in range(6)])
    await tell(pool)
    while await purging.purge_some(4):
        pass
    assert await pool.fetchval("select count(*) from track") == 0


async def test_an_account_that_returns_has_its_records_as_they_were(pool: Pool) -> None:
    deleted = change(track(), did=BOB, key=9)
    await index(pool, *life(), deleted)
    await index(pool, deletion(deleted, rev=2))
    before = await dump(pool, without=["purged_at", "upstream_status"])
    await tell(pool)
    await recount(pool)
    await purge_all(pool)
    await tell(pool, "active", active=True)
    await recount(pool)
    walked = [one for one in life() if one.did == BOB]
    result = await index(pool, *walked, deleted, now=NOW.replace(year=2027))
    assert (result.applied, result.quarantined, result.stale) == (7, 1, 1)
    after = await dump(pool, without=["purged_at", "upstream_status", "proven_at"])
    assert after == {
        table: rows if table != "record" else after["record"] for table, rows in before.items()
    }


async def test_05_no_replay_brings_back_what_was_purged(pool: Pool) -> None:
    old, new = change(track(), did=BOB), change(track(title="new"), did=BOB, rev=2)
    gone = change(track(), did=BOB, key=2)
    await index(pool, old, new, gone)
    await index(pool, deletion(gone, rev=3))
    await tell(pool)
    await purge_all(pool)
    assert (await index(pool, old, gone, deletion(gone, rev=3))).stale == 3
    assert await pool.fetchval("select count(*) from track") == 0


async def test_every_new_word_about_a_deleted_account_is_a_reason_to_look_again(
    pool: Pool,
) -> None:
    await live(pool)
    await tell(pool)
    assert await purge_all(pool) == 1
    assert await purge_all(pool) == 0
    await index(pool, change(track(), did=BOB, key=20))
    await tell(pool)
    assert await purge_all(pool) == 1
    assert await pool.fetchval("select count(*) from track where did = $1", BOB) == 0


async def test_one_account_after_the_other_is_purged(pool: Pool) -> None:
    await live(pool)
    await tell(pool)
    said = AccountStatus(CAROL, "deleted", False)
    await new_writer(pool).write([Step(CAROL, account=said, status_known=CAROL)], None)
    await purge_all(pool, 3)
    left = await pool.fetch("select distinct did from record where value is not null")
    assert [row["did"] for row in left] == [ALICE]


async def test_records_of_a_namespace_that_is_no_longer_ours_are_erased_too(pool: Pool) -> None:
    await index(pool, change(track(title=SECRET), did=BOB))
    await pool.execute("update record set collection = 'com.example.track'")
    await tell(pool)
    await purge_all(pool)
    assert await pool.fetchval("select count(*) from record where value is not null") == 0


async def test_a_purge_that_is_killed_at_any_statement_is_gone_on_with(
    pool: Pool, database_url: str
) -> None:
    await live(pool)
    await tell(pool)
    await recount(pool)
    statements = 0

    async def purge_three(dying: Pool) -> None:
        await Purge(dying, new_pipeline(dying)).purge_some(3)

    while await dies(pool, database_url, statements := statements + 1, purge_three):
        await assert_links_are_sound(pool)
        assert await counts_kept(pool) == await counts_worked_out(pool)
    assert statements > 12
    await purge_all(pool, 3)
    assert SECRET.encode() not in values(await dump(pool))
    assert await counts_kept(pool) == await counts_worked_out(pool)
    assert await pool.fetchval("select count(*) from record where value is not null") == 4
