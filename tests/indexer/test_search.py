"""Documents follow what they are made of, whoever changes it, and are in nobody's way."""

import asyncio
from itertools import pairwise

import asyncpg
import pytest

from indexer.search.follow import BEST, Search
from migrations.database import Pool
from tests.appview.makers import Rows, did
from tests.support import wait_until

MANY_LISTS = """
insert into list (
    uri, did, rkey, cid, name, last_name, title_key, item_count, created_at, sort_at, indexed_at
)
select 'at://' || $1 || '/fm.plyr.list/' || n, $1, n, 'cid', 'L', 'L', '', 0, '', now(), now()
from generate_series(1, 1000) as n
"""


async def documents(pool: Pool) -> dict[str, tuple[str, ...]]:
    await Search(pool).follow()
    rows = await pool.fetch("select key, fields from derived.search_document")
    return {row["key"]: tuple(line.strip() for line in row["fields"].split("\n")) for row in rows}


async def test_a_document_follows_its_record(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle=None)
    uri = await rows.track("alice", title="Tide", artist="Alice", tags=["dub"])
    assert (await documents(pool))[uri] == ("tide", "alice", "", "dub")
    await pool.execute("update track set title = 'Ebb', album = 'Sea' where uri = $1", uri)
    assert (await documents(pool))[uri] == ("ebb", "alice", "sea", "dub")
    await pool.execute("delete from track where uri = $1", uri)
    assert uri not in await documents(pool)
    assert await pool.fetchval("select count(*) from derived.search_due") == 0


async def test_a_new_name_reaches_all_that_carries_it(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    playlist = await rows.list("alice", name="Drive")
    await rows.track("alice", album="Dusk")
    album = f"{did('alice')} dusk"
    before = await documents(pool)
    assert before[did("alice")] == ("", "alice", "=alice test")
    assert before[playlist] == ("drive", "alice")
    assert before[album] == ("dusk", "alice")
    await rows.bsky_profile("alice", display_name="Älice")
    await pool.execute("update account set handle = 'al.test' where did = $1", did("alice"))
    after = await documents(pool)
    assert after[did("alice")] == ("alice", "al", "=al test")
    assert after[playlist] == ("drive", "alice")
    await pool.execute("update bsky_profile set display_name = 'Bo'")
    renamed = await documents(pool)
    assert renamed[playlist] == ("drive", "bo")
    assert renamed[album] == ("dusk", "bo")


async def test_however_often_an_account_is_renamed_what_is_due_stays_as_much(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    await pool.execute(MANY_LISTS, did("alice"))
    await rows.track("alice", album="Dusk")
    search = Search(pool)
    await search.follow()
    due = []
    for number in range(6):
        await pool.execute("update account set handle = $1", f"a{number}.test")
        await search.follow_some()
        due.append(await pool.fetchval("select count(*) from derived.search_due"))
    assert due == [1] * 6
    found = await documents(pool)
    assert {fields[1] for key, fields in found.items() if "track" not in key} == {"a5"}
    assert len(found) == 1003


async def test_what_others_write_is_not_behind_all_that_carries_a_new_name(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    await rows.account("bob")
    await pool.execute(MANY_LISTS, did("alice"))
    search = Search(pool)
    await search.follow()
    await pool.execute("update account set handle = 'al.test' where did = $1", did("alice"))
    await search.follow_some()
    uri = await rows.track("bob")
    await search.follow_some()
    assert await pool.fetchval("select true from derived.search_document where key = $1", uri)


async def test_two_that_follow_at_once_take_nothing_twice(pool: Pool) -> None:
    """As one does that lost the lead and does not know yet, and the one after it."""
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    await pool.execute(MANY_LISTS, did("alice"))
    await Search(pool).follow()
    await pool.execute("update account set handle = 'al.test' where did = $1", did("alice"))
    await Search(pool).follow_some()
    async with (
        asyncio.TaskGroup() as group,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute("select from derived.search_due for update")
        for _ in range(2):
            group.create_task(Search(pool).follow_some())
        await wait_until(lambda: waiting_for_rows(pool, 2))
    assert await pool.fetchval("select count(*) from derived.search_due") == 1
    found = await documents(pool)
    assert {fields[1] for fields in found.values()} == {"al"}


async def waiting_for_rows(pool: Pool, number: int) -> bool:
    asked = """
    select count(*) = $1
    from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
    """
    return bool(await pool.fetchval(asked, number))


async def test_a_name_that_is_lost_is_lost_to_all_that_carried_it(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    playlist = await rows.list("alice", name="Drive")
    await rows.track("alice", album="Dusk")
    assert (await documents(pool))[playlist] == ("drive", "alice")
    await pool.execute("update account set handle = null")
    after = await documents(pool)
    assert (after[playlist], after[f"{did('alice')} dusk"]) == (("drive", ""), ("dusk", ""))
    await pool.execute("update account set handle = 'al.test'")
    assert (await documents(pool))[playlist] == ("drive", "al")


async def test_an_account_without_a_name_is_not_found(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice", handle="alice.test")
    assert did("alice") in await documents(pool)
    await pool.execute("update account set handle = null")
    assert await documents(pool) == {}


async def test_a_rank_moves_when_the_count_doubles_and_not_before(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    uri = await rows.track("alice")
    await documents(pool)
    moved = []
    for likes in range(1, 9):
        await pool.execute(
            """
            insert into subject_count (subject, likes) values ($1, $2)
            on conflict (subject) do update set likes = excluded.likes
            """,
            uri,
            likes,
        )
        if await pool.fetchval("select count(*) from derived.search_due"):
            moved.append(likes)
        await Search(pool).follow()
    assert moved == [1, 3, 7]


async def test_whoever_writes_never_waits_for_search(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    uri = await rows.track("alice", title="Tide")
    async with pool.acquire() as connection, connection.transaction():
        # As the job would, half-way: it has taken the key, and not committed.
        await connection.execute("delete from derived.search_due")
        async with asyncio.timeout(20):
            await pool.execute("update track set title = 'Ebb' where uri = $1", uri)
    assert (await documents(pool))[uri][0] == "ebb"


async def test_a_chunk_that_fails_is_due_again(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    await pool.execute("alter table derived.search_word rename to elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await Search(pool).follow()
    await pool.execute("alter table derived.elsewhere rename to search_word")
    assert did("alice") in await documents(pool)


async def test_the_best_of_a_kind_are_on_the_first_shelf(pool: Pool) -> None:
    await pool.execute(
        """
        insert into account (did, handle)
        select 'did:plc:p' || n, 'p' || n || '.test' from generate_series(1, 4 * $1::integer) as n
        """,
        BEST,
    )
    await pool.execute(
        """
        insert into account_count (did, likes_received)
        select did, 2 ^ (row_number() over (order by did) / 500) from account
        """
    )
    search = Search(pool)
    await search.follow()
    await search.settle()
    await search.follow()
    shelves = await pool.fetch(
        """
        select tier, count(*) as documents, min(points) as least, max(points) as most
        from derived.search_document
        group by tier
        order by tier
        """
    )
    assert sum(shelf["documents"] for shelf in shelves) == 4 * BEST
    assert BEST <= shelves[0]["documents"] <= BEST + 500
    for better, worse in pairwise(shelves):
        assert better["least"] > worse["most"]
    misplaced = await pool.fetchval(
        """
        select count(*) from derived.search_document
        where not terms @@ ('''a' || tier || '^p''')::tsquery
        """
    )
    assert misplaced == 0
    await search.settle()
    assert await pool.fetchval("select count(*) from derived.search_due") == 0
