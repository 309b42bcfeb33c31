"""A database as it may look in some years: tracks, ten likes for each, lists, comments, counts.

`python -m bench data --size 100k --database-url URL` fills one. Everything follows from the size:
who likes what is skewed as taste is (the n-th best liked track has an n-th of the likes), people
near each other like the same tracks, and every identifier is well-formed.
"""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from bench import catalogue_sql as sql
from bench.report import say
from bench.words import words
from lexicons.text import title_key
from migrations import runner
from migrations.runner import Connection

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
LIKES_A_TRACK = 10
TRACKS_A_PERSON = 10
TRACKS_AN_AUTHOR = 50
STRIDE = 7
"""Those who like a track sit so far apart, which lets them all be different."""

TABLES = (
    "account",
    "repo",
    "record",
    "track",
    "track_tag",
    "like",
    "comment",
    "list",
    "list_item",
    "album",
    "profile",
    "bsky_profile",
    "link",
    "subject_count",
    "account_count",
)


async def fill(url: str, tracks: int) -> None:
    """Fill a migrated, empty database."""
    await _fill(url, tracks, _generate)


async def fill_titles(url: str, tracks: int) -> None:
    """The same without likes, comments and records: what search looks at, with the counts."""
    await _fill(url, tracks, _generate_titles)


async def _fill(
    url: str, tracks: int, generate: Callable[[Connection, int], Awaitable[None]]
) -> None:
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("select exists (select from record)"):
            raise RuntimeError("the database is not empty")
        await connection.execute(sql.SETTINGS)
        async with connection.transaction():
            await connection.execute(sql.EMPTY)
            restore = await _take_indexes_away(connection)
            await generate(connection, tracks)
            for statement in restore:
                await connection.execute(statement)
        await connection.execute("vacuum analyze")
        assert await connection.fetchval("select count(*) from shown_track") == tracks
    finally:
        await connection.close()


async def _generate(connection: Connection, tracks: int) -> None:
    people, authors = await _begin(connection, tracks)
    await _run(
        connection,
        (sql.TRACKS, authors),
        (sql.TRACK_TAGS,),
        (sql.TRACK_RECORDS,),
        (sql.GIVEN, people, STRIDE),
        (sql.LIKES,),
        (sql.LIKE_RECORDS,),
        (sql.LIKE_LINKS,),
        (sql.COMMENTS, tracks, people),
        (sql.ALBUMS,),
        (sql.PLAYLISTS, tracks, people),
        (sql.PLAYLIST_ITEMS, tracks),
        (sql.LISTS,),
        (sql.ITEMS,),
        (sql.NAMED_ALBUMS,),
        (sql.OTHER_RECORDS,),
        (sql.OTHER_LINKS,),
        (sql.SUBJECT_COUNTS,),
        (sql.ACCOUNT_COUNTS,),
    )


async def _generate_titles(connection: Connection, tracks: int) -> None:
    people, authors = await _begin(connection, tracks)
    await _run(
        connection,
        (sql.TRACKS, authors),
        (sql.ALBUMS,),
        (sql.PLAYLISTS, tracks, people),
        (sql.PLAYLIST_ITEMS, tracks),
        (sql.LISTS,),
        (sql.ITEMS,),
        (sql.NAMED_ALBUMS,),
        (sql.LIKES_MADE,),
        (sql.LIKES_RECEIVED,),
    )


async def _begin(connection: Connection, tracks: int) -> tuple[int, int]:
    """The people, what they made and how it is called; gives how many people and authors."""
    people, authors = tracks // TRACKS_A_PERSON, tracks // TRACKS_AN_AUTHOR
    assert math.gcd(people, STRIDE) == 1
    await _words(connection)
    await connection.execute(sql.FUNCTIONS)
    await _run(
        connection,
        (sql.PEOPLE, people, authors),
        ("analyze person",),
        (sql.ACCOUNTS,),
        (sql.REPOS,),
        (sql.BSKY_PROFILES,),
        (sql.PROFILES,),
        (sql.MADE, tracks, people, authors, _likes_of_the_best(tracks, people // 2)),
        ("analyze made",),
        (sql.TITLES, tracks, people),
        ("analyze title",),
    )
    await _title_keys(connection)
    return people, authors


async def _run(connection: Connection, *steps: tuple[Any, ...]) -> None:
    for statement, *arguments in steps:
        await connection.execute(statement, *arguments)


async def _words(connection: Connection) -> None:
    await connection.execute("create temp table word (script text, place integer, text text)")
    rows = [(script, *word) for script, some in words().items() for word in enumerate(some)]
    await connection.copy_records_to_table("word", records=rows)
    await connection.execute("analyze word")


async def _title_keys(connection: Connection) -> None:
    await connection.execute("create temp table title_key (text text, key text)")
    titles = [row["text"] for row in await connection.fetch(sql.ALBUM_TITLES)]
    rows = [(title, title_key(title)) for title in titles]
    await connection.copy_records_to_table("title_key", records=rows)
    await connection.execute("analyze title_key")


def _likes_of_the_best(tracks: int, at_most: int) -> int:
    """So that an n-th of it for the n-th track, but at most so many, makes ten on average."""
    low, high = 1, LIKES_A_TRACK * tracks
    while low < high:
        middle = (low + high) // 2
        likes = sum(min(middle // rank, at_most) for rank in range(1, tracks + 1))
        if likes < LIKES_A_TRACK * tracks:
            low = middle + 1
        else:
            high = middle
    return low


async def _take_indexes_away(connection: Connection) -> list[str]:
    """They are faster made at the end; gives the statements that do it."""
    restore = []
    for row in await connection.fetch(sql.INDEXES, TABLES):
        await connection.execute(row["away"])
        restore.append(row["back"])
    return restore


async def data(size: str, url: str) -> None:
    started = time.perf_counter()
    await runner.migrate(url)
    await fill(url, SIZES[size])
    say(f"{size} tracks after {time.perf_counter() - started:.0f} s")
