"""The table of albums follows what tracks and album lists are written, edited and deleted."""

from typing import Any

import pytest

from indexer import albums
from indexer.purge import START, purge_chunk
from indexer.rows import begin
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    TRACK_URI,
    TYPES,
    change,
    deletion,
    index,
    listing,
    track,
)


def album(*subjects: str, **fields: Any) -> dict[str, Any]:
    return listing(*subjects, **{"name": "Night", "listType": "album"} | fields)


async def titles(pool: Pool, did: str = ALICE) -> list[str]:
    rows = await pool.fetch("select title_key from album where did = $1 order by title_key", did)
    return [row[0] for row in rows]


async def test_spellings_of_one_title_are_one_album_of_each_author(pool: Pool) -> None:
    spellings = ("Night", "NIGHT", " nïght ")
    tracks = [change(track(album=title), key=key) for key, title in enumerate(spellings)]
    await index(pool, *tracks, change(album(), key=9), change(track(album="Night"), did=BOB))
    assert await titles(pool) == await titles(pool, BOB) == ["night"]


async def test_an_album_goes_with_the_last_that_names_it(pool: Pool) -> None:
    one, other, shelf = (
        change(track(album="Night"), key=1),
        change(track(album="night"), key=2),
        change(album(TRACK_URI), key=3),
    )
    await index(pool, one, other, shelf)
    await index(pool, deletion(one, rev=2), change(track(album="Day"), key=2, rev=2))
    assert await titles(pool) == ["day", "night"]
    await index(pool, deletion(shelf, rev=2))
    assert await titles(pool) == ["day"]
    await index(pool, change({}, collection="fm.plyr.track", key=2, rev=3))
    assert await titles(pool) == []


@pytest.mark.parametrize("edit", [album(listType="playlist"), album(name=""), album(name="Day")])
async def test_a_list_that_turns_into_another_thing_leaves_its_album(
    pool: Pool, edit: dict[str, Any]
) -> None:
    await index(pool, change(album()))
    await index(pool, change(edit, rev=2))
    assert await titles(pool) == (["day"] if edit["name"] == "Day" else [])


@pytest.mark.parametrize("apart", [True, False])
async def test_R12_a_list_rewritten_without_name_and_type_stays_its_album(
    pool: Pool, apart: bool
) -> None:
    versions = [change(album()), change(listing(TRACK_URI), rev=2)]
    if apart:
        await index(pool, versions[0])
    await index(pool, *versions)
    assert await titles(pool) == ["night"]


async def test_R51_a_title_of_marks_alone_is_an_album_and_one_of_spaces_is_none(
    pool: Pool,
) -> None:
    await index(
        pool,
        change(track(album="\u0301"), key=1),
        change(track(album=" \t"), key=2),
        change(album(name="\u2003"), key=3),
    )
    assert await titles(pool) == ["\u0301"]


async def test_a_title_that_folds_into_a_long_one_is_indexed(pool: Pool) -> None:
    await index(pool, change(track(album="\ufdfa" * 80)))
    assert len((await titles(pool))[0]) == 256


async def test_items_of_a_list_are_as_old_as_the_list_and_of_its_last_type(pool: Pool) -> None:
    await index(pool, change(album(TRACK_URI)))
    await index(pool, change(listing(TRACK_URI, TRACK_URI), rev=2))
    rows = await pool.fetch(
        """
        select list_item.sort_at = list.sort_at, list.list_type, list_item.last_list_type
        from list_item
        join list on uri = list_uri
        """
    )
    assert [tuple(row) for row in rows] == [(True, None, "album")] * 2


async def test_of_a_purged_account_no_album_stays(pool: Pool) -> None:
    await index(pool, change(track(album="Night"), key=1), change(album(name="Day"), key=2))
    async with pool.acquire() as connection, connection.transaction():
        await begin(connection)
        assert await purge_chunk(connection, TYPES, ALICE, START, 10) is None
    assert await titles(pool) == []


async def test_what_is_wrong_is_found_and_put_right(pool: Pool) -> None:
    await index(pool, change(track(album="Night"), key=1), change(track(album="Day"), key=2))
    await pool.execute("update album set title_key = 'noon' where title_key = 'day'")
    async with pool.acquire() as connection:
        assert await albums.differences(connection, ALICE) == (["day"], ["noon"])
        assert await albums.differences(connection, BOB) == ([], [])
        await albums.put_right(connection, ALICE, ["day"], ["noon"])
        assert await albums.differences(connection, ALICE) == ([], [])
    assert await titles(pool) == ["day", "night"]
