"""What an editor finds to mention; the lexicon is that of page.parts."""

from typing import Any

from indexer.search.follow import Search
from tests.appview.conftest import Client
from tests.appview.makers import Rows

METHOD = "parts.page.mention.search"
SERVICE = {"service": "at://did:plc:editor/parts.page.mention.service/plyr"}


async def found(client: Client, search: str, **params: Any) -> list[dict[str, Any]]:
    answer = await client.ask(METHOD, **SERVICE, search=search, **params)
    results: list[dict[str, Any]] = answer["results"]
    return results


async def some_music(rows: Rows) -> tuple[str, str]:
    await rows.account("nils")
    await rows.bsky_profile("nils", display_name="Nils Frahm", avatar_cid="bafkreiavatar")
    track = await rows.track("nils", title="Says Nils", artist="Nils Frahm")
    listed = await rows.list("nils", (track,), name="Nils at night")
    await rows.account("else")
    await rows.track("else", title="Nils was here", artist="Else")
    await Search(rows.pool).follow()
    return track, listed


async def test_people_tracks_and_lists_are_found(client: Client, rows: Rows) -> None:
    track, listed = await some_music(rows)
    by_uri = {result["uri"]: result for result in await found(client, "nils")}
    assert by_uri["at://did:plc:nils"] == {
        "uri": "at://did:plc:nils",
        "name": "Nils Frahm",
        "description": "@nils.test",
        "href": "https://plyr.fm/u/nils.test",
        "icon": "https://music.test/img/thumb/avatar/did:plc:nils/bafkreiavatar",
        "labels": [{"text": "artist"}],
        "subscope": {"scope": "did:plc:nils", "label": "Tracks"},
    }
    assert by_uri[track]["description"] == "by Nils Frahm"
    assert by_uri[track]["href"] == f"https://plyr.fm/at/{track[5:]}"
    assert by_uri[listed]["labels"] == [{"text": "playlist"}]
    assert len(await found(client, "nils", limit=1)) == 1


async def test_a_scope_narrows_the_search(client: Client, rows: Rows) -> None:
    track, listed = await some_music(rows)
    (playlist,) = await found(client, "nils", scope="playlists")
    assert playlist["uri"] == listed
    (actor,) = await found(client, "nils", scope="artists")
    (of_nils,) = await found(client, "nils", scope=actor["subscope"]["scope"])
    assert of_nils["uri"] == track
    assert await client.refusal(METHOD, **SERVICE, search="a", scope="dances") == "InvalidRequest"
    unknown = "did:plc:unknown"
    assert await client.refusal(METHOD, **SERVICE, search="a", scope=unknown) == "InvalidRequest"


async def test_nobody_hidden_is_mentioned(client: Client, rows: Rows) -> None:
    await some_music(rows)
    await rows.hide("nils")
    assert [result["name"] for result in await found(client, "nils")] == ["Nils was here"]


async def test_service_and_search_have_to_be_given(client: Client) -> None:
    assert await client.refusal(METHOD, search="a") == "InvalidRequest"
    assert await client.refusal(METHOD, **SERVICE) == "InvalidRequest"
