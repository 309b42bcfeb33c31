"""Case 103, R54: walking the pages of any method gives the unpaged set, while others write.

The methods are those whose lexicon has a limit and a cursor; every choice they offer is walked.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from appview.app import create_app
from appview.context import AppSettings
from lexicons.catalog import Catalog, load_catalog
from migrations.database import Pool, create_pool
from tests.appview import world
from tests.appview.conftest import Client
from tests.appview.served import asking
from tests.appview.world import ALICE, LIST, TRACK, of, question, uri
from tests.clients.javascript import TheirValidator
from tests.databases import new_database
from tests.indexer.changes import change, comment, like, listing, profile

CATALOG = load_catalog()
MAX_PAGES = 200
DISTURBED_PAGES = 6
DELETED_EVERY = 3
MOST_DELETED = DISTURBED_PAGES // DELETED_EVERY
FEWEST = 5
Question = dict[str, Any]


def paged() -> list[str]:
    return [
        nsid
        for nsid in sorted(CATALOG.methods)
        if {"limit", "cursor"} <= world.parameters(CATALOG, nsid).keys()
    ]


def questions(nsid: str) -> Iterator[Question]:
    """The plain one, and one for each choice that the method offers."""
    plain = question(CATALOG, nsid)
    yield plain
    for name, field in world.parameters(CATALOG, nsid).items():
        if field["type"] == "boolean" and name not in world.OF_VIEWERS:
            yield {**plain, name: "true"}
        choices = field.get("items", field)
        values = choices.get("enum") or choices.get("knownValues") or ()
        yield from ({**plain, name: value} for value in values if value != field.get("default"))


WALKS = [
    (nsid, asked, limit)
    for nsid in paged()
    for asked in questions(nsid)
    for limit in ((1, 3, 8) if asked == question(CATALOG, nsid) else (4,))
]


@pytest.fixture(scope="module")
async def filled(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The name of a database that holds the world."""
    async with new_database(postgres_url, template) as url:
        async with create_pool(url, min_size=1) as pool:
            await world.fill(pool)
        yield urlsplit(url).path[1:]


@pytest.fixture
async def pool(postgres_url: str, filled: str) -> AsyncIterator[Pool]:
    async with (
        new_database(postgres_url, filled) as url,
        create_pool(url, min_size=1, max_size=4) as opened,
    ):
        yield opened


def identity(item: dict[str, Any]) -> str:
    """What makes an item itself: its URI, or of what it is about."""
    place = f"{item['position']} " if "position" in item else ""
    for name in ("uri", "did", "tag"):
        if name in item:
            return place + str(item[name])
    for name in ("track", "list", "item", "subject", "actor", "author"):
        if name in item:
            return f"{place}{item.get('kind', '')} {item.get('title', '')} {identity(item[name])}"
    raise AssertionError(f"what is this: {item}")


async def page(client: Client, nsid: str, asked: Question) -> tuple[list[str], str | None]:
    answer = await client.ask(nsid.removeprefix("fm.plyr."), **asked)
    output = CATALOG.documents[nsid]["defs"]["main"]["output"]["schema"]["properties"]
    (name,) = (name for name, field in output.items() if field["type"] == "array")
    return [identity(item) for item in answer[name]], answer.get("cursor")


async def undisturbed(client: Client, nsid: str, asked: Question) -> list[str]:
    found, cursor = await page(client, nsid, {**asked, "limit": 100})
    if cursor is not None:  # more than a page can hold
        rest, cursor = await page(client, nsid, {**asked, "limit": 100, "cursor": cursor})
        found += rest
    assert cursor is None
    return found


async def disturb(pool: Pool, number: int, shown: list[str]) -> None:
    """Somebody arrives and writes, alice edits, and something that was shown goes."""
    newcomer = f"did:plc:new{number}".translate(str.maketrans("0189", "wxyz"))
    theirs = [
        of(newcomer, profile(), "self"),
        of(newcomer, world.NAMED, "self"),
        of(newcomer, world.song(number, features=[{"did": ALICE}]), 1),
        of(newcomer, like(TRACK), 2),
        of(newcomer, like(LIST), 3),
        of(newcomer, comment(TRACK, timestampMs=1), 4),
        of(newcomer, listing(TRACK, name="Song of mine", listType="album"), 5),
        of(ALICE, like(uri(newcomer, "track", 1)), 100 + number),
        of(ALICE, listing(TRACK, name="Song again", listType="playlist"), 100 + number),
        of(ALICE, world.song(3, createdAt="2026-09-30T00:00:00Z"), 3, rev=100 + number),
    ]
    gone = [
        change(None, did=parts[2], collection=parts[3], key=parts[4], rev=100 + number)
        for parts in (item.rpartition(" ")[2].split("/") for item in shown)
        if len(parts) == 5
    ]
    await world.write(pool, *theirs, *gone[-1:] * (number % DELETED_EVERY == 0))


def title(nsid: str, asked: Question, limit: int) -> str:
    """The same in every process: the values hold the time of day."""
    return "-".join((nsid, *asked, str(limit)))


@pytest.mark.parametrize(("nsid", "asked", "limit"), WALKS, ids=[title(*each) for each in WALKS])
async def test_case_103_R54_a_walk_while_others_write_equals_the_unpaged_set(
    pool: Pool,
    settings: AppSettings,
    theirs: TheirValidator | None,
    nsid: str,
    asked: Question,
    limit: int,
) -> None:
    async with asking(create_app(settings, pool, CATALOG, None)) as http:
        client = Client(http, CATALOG, theirs)
        before = await undisturbed(client, nsid, asked)
        walked: list[str] = []
        following: dict[str, str] = {}
        for number in count(1):
            assert number < MAX_PAGES
            found, cursor = await page(client, nsid, {**asked, **following, "limit": limit})
            assert len(found) <= limit
            walked += found
            if cursor is None:
                break
            following = {"cursor": cursor}
            if number <= DISTURBED_PAGES:
                await disturb(pool, number, found)
        after = await undisturbed(client, nsid, asked)
    assert len(set(walked)) == len(walked)
    stayed = [item for item in before if item in after]
    assert len(stayed) >= min(FEWEST, len(before) - MOST_DELETED)
    assert [item for item in walked if item in stayed] == stayed


async def test_every_paged_method_has_enough_to_walk_through(
    pool: Pool, settings: AppSettings, catalog: Catalog
) -> None:
    async with asking(create_app(settings, pool, catalog, None)) as http:
        for nsid in paged():
            found, _ = await page(Client(http, catalog), nsid, question(catalog, nsid))
            assert len(found) >= FEWEST, nsid
