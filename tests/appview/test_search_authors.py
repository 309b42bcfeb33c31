"""Searching what one account has made: named by DID or handle, unknown, hidden on the way."""

import pytest

from indexer.search.follow import Search
from tests.appview.conftest import Client
from tests.appview.makers import Rows, did

METHOD = "search.searchTracks"
TAGS = ["bob.test", "@author bob.test"]


@pytest.fixture
async def bob(rows: Rows) -> list[str]:
    """His tracks, and those of another who has the same words."""
    for name in ("alice", "bob"):
        await rows.account(name, handle=f"{name}.test")
    await rows.track("alice", title="Tide", tags=TAGS)
    uris = [await rows.track("bob", title="Tide", tags=TAGS) for _ in range(3)]
    await Search(rows.pool).follow()
    return uris


async def found(client: Client, **params: str) -> set[str]:
    answer = await client.ask(METHOD, **params)
    return {hit["track"]["uri"] for hit in answer["tracks"]}


@pytest.mark.parametrize("author", ["did:plc:bob", "bob.test", "Bob.Test"])
@pytest.mark.parametrize("sort", ["relevance", "newest", "top"])
@pytest.mark.parametrize("q", ["tide", "tdie"])
async def test_an_author_is_named_either_way(
    client: Client, bob: list[str], author: str, sort: str, q: str
) -> None:
    assert await found(client, q=q, sort=sort, author=author) == set(bob)
    # What is called as he is, is not him.
    for tag in TAGS:
        assert await found(client, q=q, sort=sort, author=author, tag=tag) == set(bob)
    assert await found(client, q="bob.test", sort=sort, author=author) == set(bob)


@pytest.mark.parametrize(
    "author", ["did:plc:nobody", "Nobody.test", "Handle.Invalid", "did:plc:bob", "Bob.test"]
)
@pytest.mark.parametrize("q", ["tide", "zzzz", "!"])
@pytest.mark.usefixtures("bob")
async def test_R28_an_author_who_is_not_shown_is_not_found(
    client: Client, rows: Rows, author: str, q: str
) -> None:
    await rows.hide("bob")
    response = await client.http.get(f"/xrpc/fm.plyr.{METHOD}", params={"q": q, "author": author})
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidRequest"
    message = response.json()["message"]
    assert message.startswith("author")
    assert author in message


@pytest.mark.parametrize("author", ["did:plc:bob", "bob.test"])
async def test_an_author_of_whom_nothing_is_left_to_show_is_no_mistake(
    client: Client, rows: Rows, bob: list[str], author: str
) -> None:
    asked = {"q": "tide", "author": author, "limit": 1}
    page = await client.ask(METHOD, **asked)
    for uri in bob:
        await rows.take_down(uri)
    walked = 0
    while "cursor" in page:
        page = await client.ask(METHOD, **asked, cursor=page["cursor"])
        walked += 1
        assert page["tracks"] == []
    assert walked == 2


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("author", ["did:plc:bob", "bob.test"])
async def test_R28_a_walk_ends_where_its_author_is_hidden(
    client: Client, rows: Rows, author: str
) -> None:
    page = await client.ask(METHOD, q="tide", author=author, limit=1)
    await rows.hide("bob")
    further = {"q": "tide", "author": author, "limit": 1, "cursor": page["cursor"]}
    assert await client.refusal(METHOD, **further) == "InvalidRequest"


async def test_a_walk_goes_on_when_its_author_takes_another_name(
    client: Client, rows: Rows, bob: list[str]
) -> None:
    asked = {"q": "tide", "author": "bob.test", "limit": 2}
    page = await client.ask(METHOD, **asked)
    await rows.pool.execute("update account set handle = 'rob.test' where did = $1", did("bob"))
    rest = await client.ask(METHOD, **asked, cursor=page["cursor"])
    shown = [hit["track"]["uri"] for hit in (*page["tracks"], *rest["tracks"])]
    assert sorted(shown) == sorted(bob)
