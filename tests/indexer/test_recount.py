"""Counting anew: found among everybody's by an index, in chunks, while others write."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from indexer.mending import COUNTING, END_OF_CHUNK, LINKED, put_right
from indexer.records.registry import record_types
from indexer.recount import ACCOUNTS, OF_SUBJECTS, SUBJECTS, Names, Range, count_differences
from indexer.rows import LOCK
from lexicons.syntax import Did
from migrations.database import Pool, create_pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    TRACK_URI,
    change,
    comment,
    index,
    like,
    new_writer,
    track,
)
from tests.support import wait_until

OF_ALICE = Range.of(Did(ALICE))
BETWEEN = (OF_ALICE.first_subject, OF_ALICE.end_of_subjects)
NAMES = Names.of(record_types("fm.plyr"))
STATEMENTS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "subjects": (SUBJECTS, (*BETWEEN, False)),
    "accounts": (ACCOUNTS, (*BETWEEN, ALICE, ALICE, NAMES.tracks, NAMES.lists, False)),
    "of subjects": (OF_SUBJECTS, ([TRACK_URI],)),
}
CHUNKS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "own": (END_OF_CHUNK, (*BETWEEN, 10)),
    "linked": (LINKED, (BOB, "", 11)),
}

# Everybody's, of many other subjects.
CROWD = """
insert into "like" (uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at)
select
    'at://did:plc:fan' || n || '/fm.plyr.like/1', 'did:plc:fan' || n, '1', 'cid',
    'at://did:plc:star' || n % 2000 || '/fm.plyr.track/1', 'cid', '', now(), now()
from generate_series(1, 20000) as n;
insert into link (uri, subject, kind, did, counted)
select uri, subject, 'like', did, true from "like"
union all
select replace(uri, 'fan', 'critic'), subject, 'comment', replace(did, 'fan', 'critic'), true
from "like";
insert into subject_count (subject, likes) select subject, count(*) from link group by subject;
analyze;
"""

# One that likes everything of one, and nothing is counted.
FOLLOWER = f"""
insert into "like" (uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at)
select
    'at://{BOB}/fm.plyr.like/' || n, '{BOB}', n, 'cid', 'at://{ALICE}/fm.plyr.track/' || n, 'cid',
    '', now(), now()
from generate_series(1, 2500) as n;
insert into link (uri, subject, kind, did, counted)
select uri, subject, 'like', did, true from "like";
insert into subject_count (subject) select subject from link order by subject offset 10;
analyze;
"""


def scans(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if node.get("Relation Name") in {"link", "like", "subject_count"}:
        yield node
    for child in node.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_links_are_found_by_an_index_and_never_read_whole(pool: Pool, name: str) -> None:
    statement, arguments = STATEMENTS[name]
    await pool.execute(CROWD)
    told = await pool.fetchval(f"explain (format json) {statement}", *arguments)
    found = [
        node
        for node in scans(json.loads(told)[0]["Plan"])
        if node["Relation Name"] != "subject_count"
    ]
    assert {node["Relation Name"] for node in found} == {"link", "like"}
    assert [node for node in found if not node.keys() & {"Index Cond", "Recheck Cond"}] == []


@pytest.mark.parametrize("name", CHUNKS)
async def test_a_chunk_reads_no_more_than_is_in_it(pool: Pool, name: str) -> None:
    statement, arguments = CHUNKS[name]
    await pool.execute(FOLLOWER)
    told = await pool.fetchval(f"explain (analyze, format json) {statement}", *arguments)
    assert [node["Actual Rows"] for node in scans(json.loads(told)[0]["Plan"])] == [11]


@pytest.mark.parametrize("did", [ALICE, BOB])
async def test_of_many_chunks_each_is_put_right(pool: Pool, did: Did) -> None:
    await pool.execute(FOLLOWER)
    await put_right(new_writer(pool), did)
    async with pool.acquire() as connection:
        left = await count_differences(connection, Range(), NAMES)
    assert [(each.did, each.held) for each in left] == [
        (ALICE, "likes received 0") if did == BOB else (BOB, "likes given 0")
    ]


async def test_one_account_and_all_of_them_are_counted_alike(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB), change(comment(), did=BOB))
    await pool.execute("update subject_count set likes = 2, comments = 2")
    async with pool.acquire() as connection:
        of_alice = await count_differences(connection, OF_ALICE, NAMES)
        of_all = await count_differences(connection, Range(), NAMES)
    assert [(each.held, each.right) for each in of_all] == [("likes 2", "1"), ("comments 2", "1")]
    assert of_alice == of_all


async def test_what_others_write_while_an_account_is_counted_anew_stays(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await pool.execute("update account_count set likes_received = 7, lists = 3")
    async with asyncio.TaskGroup() as group, pool.acquire() as lock:
        await lock.execute("select pg_advisory_lock($1)", COUNTING)
        group.create_task(put_right(new_writer(pool), ALICE))
        await wait_until(lambda: waiting(pool, COUNTING, 1))
        await lock.execute("select pg_advisory_lock($1)", LOCK)
        group.create_task(index(pool, change(like(), did=CAROL)))
        await wait_until(lambda: waiting(pool, LOCK, 1))
        await lock.execute("select pg_advisory_unlock($1)", COUNTING)
        await wait_until(lambda: waiting(pool, LOCK, 2))
    async with pool.acquire() as connection:
        assert await count_differences(connection, OF_ALICE, NAMES) == []


async def test_what_is_right_is_counted_while_others_hold_the_lock(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    async with pool.acquire() as lock:
        await lock.execute("select pg_advisory_lock($1)", COUNTING)
        mended = asyncio.create_task(put_right(new_writer(pool), ALICE))
        await wait_until(lambda: waiting(pool, COUNTING, 1))
        await lock.execute("select pg_advisory_lock($1)", LOCK)
        await lock.execute("select pg_advisory_unlock($1)", COUNTING)
        await asyncio.wait_for(mended, timeout=30)


async def test_two_that_count_the_same_anew_put_it_right_once(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await pool.execute("update account_count set likes_received = 7, lists = 3")
    async with asyncio.TaskGroup() as group, pool.acquire() as lock:
        await lock.execute("select pg_advisory_lock($1)", COUNTING)
        for _ in range(2):
            group.create_task(put_right(new_writer(pool), ALICE))
        await wait_until(lambda: waiting(pool, COUNTING, 2))
        await lock.execute("select pg_advisory_lock($1)", LOCK)
        await lock.execute("select pg_advisory_unlock($1)", COUNTING)
        await wait_until(lambda: waiting(pool, LOCK, 1))
    async with pool.acquire() as connection:
        assert await count_differences(connection, OF_ALICE, NAMES) == []


async def test_who_waits_for_a_count_keeps_no_connection_from_others(
    pool: Pool, database_url: str
) -> None:
    async with (
        create_pool(database_url, max_size=2) as small,
        asyncio.TaskGroup() as group,
        pool.acquire() as lock,
    ):
        await index(pool, change(track()))
        await lock.execute("select pg_advisory_lock($1)", COUNTING)
        writer = new_writer(small)
        for _ in range(3):
            group.create_task(put_right(writer, ALICE))
        await wait_until(lambda: waiting(pool, COUNTING, 1))
        async with asyncio.timeout(20):
            await index(small, change(like(), did=BOB))
        await lock.execute("select pg_advisory_unlock($1)", COUNTING)


async def waiting(pool: Pool, lock: int, number: int) -> bool:
    asked = """
    select count(*) = $2
    from pg_locks
    join pg_database on pg_database.oid = database and datname = current_database()
    where locktype = 'advisory' and not granted and objid::bigint = $1
    """
    return bool(await pool.fetchval(asked, lock, number))
