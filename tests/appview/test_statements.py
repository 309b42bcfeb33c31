"""How many SQL statements an answer costs: few, and as many for a hundred items as for one."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from appview.app import create_app
from appview.context import AppSettings
from lexicons.catalog import load_catalog
from lexicons.syntax import Did
from tests.appview import world
from tests.appview.conftest import Client
from tests.appview.served import asking
from tests.appview.statements import Counted
from tests.appview.world import parameters, question
from tests.databases import new_database

CATALOG = load_catalog()
OF_DIDS = {"did", "uriPatterns"}
MOST = 5
QUERIES = sorted(
    nsid
    for nsid, made in CATALOG.methods.items()
    if made.kind == "query" and made.output and made.output.encoding == "application/json"
)


@pytest.fixture(scope="module")
async def counted() -> Counted:
    return Counted()


@pytest.fixture(scope="module")
async def url(postgres_url: str, template: str) -> AsyncIterator[str]:
    async with new_database(postgres_url, template) as made:
        async with asyncpg.create_pool(made) as pool:
            await world.fill(pool)
            await pool.execute("update account set handle = split_part(did, ':', 3) || '.test'")
        yield made


@pytest.fixture
async def client(url: str, counted: Counted, settings: AppSettings) -> AsyncIterator[Client]:
    async with asyncpg.create_pool(url, min_size=1, max_size=4, init=counted.watch) as pool:
        judged = replace(settings, labelers=(Did("did:plc:labeler"),))
        async with asking(create_app(judged, pool, CATALOG, None)) as http:
            yield Client(http, CATALOG)


def by_handle(asked: dict[str, Any]) -> dict[str, Any]:
    """The same question, each account by its name, which has to be looked up."""
    text = orjson.dumps(asked).decode()
    named = re.sub(r"did:plc:(\w+)", r"\1.test", text)
    return {**orjson.loads(named), **{name: asked[name] for name in OF_DIDS & asked.keys()}}


def sizes(nsid: str) -> list[dict[str, Any]]:
    """The same question for little and for much."""
    asked, params = question(CATALOG, nsid), parameters(CATALOG, nsid)
    if "limit" in params:
        most = params["limit"]["maximum"]
        return [{**asked, "limit": limit} for limit in (most // 2, most)]
    for name, field in params.items():
        if field["type"] == "array" and name in asked:
            one = asked[name][0]
            others = [one[:-1] + letter for letter in "cdefghijkl"]
            return [{**asked, name: [one, *others[:many]]} for many in (1, 10)]
    return [asked]


@pytest.mark.parametrize("nsid", [nsid for nsid in QUERIES if "search" in nsid])
@pytest.mark.parametrize("text", ["song", "sonk", "s ong", "amb ient nite", "zz/zz"])
async def test_a_search_for_what_is_misspelt_costs_few_more(
    client: Client, counted: Counted, nsid: str, text: str
) -> None:
    asked = question(CATALOG, nsid)
    asked[next(name for name in ("q", "search") if name in asked)] = text
    counted.take()
    response = await client.http.get(f"/xrpc/{nsid}", params=asked)
    assert response.status_code == 200, response.text
    statements = counted.take()
    assert len(statements) <= MOST, statements


@pytest.mark.parametrize("author", ["did:plc:alice", "alice.test", "Alice.Test"])
@pytest.mark.parametrize("sort", ["relevance", "newest", "top"])
@pytest.mark.parametrize("text", ["song", "so/nk"])
async def test_a_search_with_all_that_can_be_asked_costs_no_more(
    client: Client, counted: Counted, author: str, sort: str, text: str
) -> None:
    nsid = "fm.plyr.search.searchTracks"
    asked = {**question(CATALOG, nsid), "q": text, "sort": sort, "author": author}
    counted.take()
    response = await client.http.get(f"/xrpc/{nsid}", params=asked)
    assert response.json()["tracks"]
    statements = counted.take()
    assert len(statements) <= MOST, statements


@pytest.mark.parametrize("nsid", QUERIES)
async def test_an_answer_costs_few_statements_however_long_it_is(
    client: Client, counted: Counted, nsid: str
) -> None:
    counts = []
    for asked in sizes(nsid):
        counted.take()
        response = await client.http.get(f"/xrpc/{nsid}", params=by_handle(asked))
        assert response.status_code == 200, response.text
        counts.append(counted.take())
    lengths = [len(statements) for statements in counts]
    assert max(lengths) <= MOST, counts
    # A kind of thing that is not on a page saves its statement.
    assert max(lengths) - min(lengths) <= 1, counts
