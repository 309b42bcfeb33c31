"""oEmbed: a link to a track or a list becomes a player in somebody else's page."""

from typing import Any

import httpx
import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows
from tests.appview.pages import read_page
from tests.appview.test_pages import ORIGIN, a_track, path_of


async def ask(client: Client, url: str, **params: Any) -> httpx.Response:
    return await client.http.get("/oembed", params={"url": url, **params})


async def test_a_link_to_a_track_becomes_a_player(client: Client, rows: Rows) -> None:
    uri = await a_track(rows, title='"Song" <3', artist="Alice")
    response = await ask(client, ORIGIN + path_of(uri), format="json")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    answer = response.json()
    frame = read_page(answer.pop("html")).one("iframe").attributes
    assert answer == {
        "version": "1.0",
        "type": "rich",
        "title": '"Song" <3',
        "author_name": "Alice",
        "provider_name": "plyr-appview",
        "provider_url": ORIGIN,
        "cache_age": 3600,
        "width": 600,
        "height": 180,
    }
    assert (frame["width"], frame["height"], frame["title"]) == ("600", "180", '"Song" <3')
    player = read_page((await client.http.get(frame["src"])).text)
    assert player.one("audio").attributes["src"].endswith(uri.rpartition("/")[2])


async def test_a_page_names_its_own_description(client: Client, rows: Rows) -> None:
    uri = await rows.list("alice", (await a_track(rows),), name="Best of")
    page = read_page((await client.http.get(path_of(uri))).text)
    link = page.one("link", type="application/json+oembed").attributes["href"]
    answer = (await client.http.get(link)).json()
    assert (answer["title"], answer["author_name"], answer["height"]) == ("Best of", "Alice", 380)


async def test_every_name_of_a_record_is_understood(client: Client, rows: Rows) -> None:
    uri = await a_track(rows, title="Song")
    for url in (
        uri,
        uri.replace("did:plc:alice", "alice.test"),
        f"https://plyr.fm/at/{uri[5:]}",
        f"http://music.test{path_of(uri, 'alice.test')}?from=somewhere#top",
        f"{ORIGIN}/embed{path_of(uri)}",
        f"{ORIGIN}{path_of(uri, 'did%3Aplc%3Aalice')}/",
    ):
        answer = (await ask(client, url)).json()
        assert read_page(answer["html"]).one("iframe").attributes["src"] == (
            f"{ORIGIN}/embed{path_of(uri)}"
        ), url


async def test_a_player_is_no_larger_than_was_asked_for(client: Client, rows: Rows) -> None:
    uri = await a_track(rows)
    small = (await ask(client, uri, maxwidth=320, maxheight=100)).json()
    assert (small["width"], small["height"]) == (320, 100)
    large = (await ask(client, uri, maxwidth=9000, maxheight="9" * 30)).json()
    assert (large["width"], large["height"]) == (600, 180)
    for wrong in ("0", "-1", "wide", "\u0661"):
        assert (await ask(client, uri, maxwidth=wrong)).status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://elsewhere.test/track/did:plc:alice/3kaaaaaaaaa22",
        "https://music.test/track/did:plc:alice/3kaaaaaaaaa22",
        "https://music.test/profile/did:plc:alice/3kaaaaaaaaa22",
        "https://music.test/",
        "https://[",
        "at://did:plc:alice/app.bsky.feed.post/3kaaaaaaaaa22",
        "at://did:plc:alice",
        "javascript:alert(1)",
    ],
    ids=range(9),
)
async def test_what_is_no_link_of_ours_is_not_found(client: Client, url: str) -> None:
    assert (await ask(client, url)).status_code == 404


async def test_what_is_gone_is_no_longer_shown_within_other_pages(
    client: Client, rows: Rows
) -> None:
    uri = await a_track(rows)
    assert (await ask(client, uri, format="xml")).status_code == 501
    await rows.take_down(uri)
    assert (await ask(client, uri)).status_code == 410
    assert (await client.http.get(f"/embed{path_of(uri)}")).status_code == 410
