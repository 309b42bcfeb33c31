"""The pages of tracks and lists: what people see, what link previews read, and what never runs."""

from dataclasses import replace
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appview.app import create_app
from appview.context import AppSettings
from appview.pages.cards import Places, track_card
from appview.pages.html import Templates
from lexicons.catalog import Catalog
from lexicons.types import TrackView
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, LABELER, Rows, did
from tests.appview.pages import Page, read_page
from tests.appview.served import asking
from tests.appview.statements import Counted
from xrpc.rate_limit import RateLimit

ORIGIN = "https://music.test"
TEMPLATES = Templates.of(ORIGIN, [])


def path_of(uri: str, name: str = "did:plc:alice") -> str:
    _, _, _, collection, rkey = uri.split("/")
    return f"/{collection.rpartition('.')[2]}/{name}/{rkey}"


async def shown(client: Client, path: str, status: int = 200) -> Page:
    response = await client.http.get(path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return read_page(response.text)


async def a_track(rows: Rows, **columns: Any) -> str:
    await rows.account("alice")
    await rows.bsky_profile("alice")
    return await rows.track("alice", **columns)


async def test_a_track_has_a_page_that_plays_it_without_a_script(
    client: Client, rows: Rows
) -> None:
    picture = "https://images.plyr.fm/a.jpg"
    uri = await a_track(
        rows, title="Song", artist="Alice & Bob", duration_ms=187_400, image_url=picture
    )
    page = await shown(client, path_of(uri))
    assert page.one("h1").text == "Song"
    assert page.one("title").text == "Song – Alice & Bob"
    player = page.one("audio").attributes
    assert "controls" in player
    assert player["preload"] == "metadata"
    assert player["src"] == uri.replace("at://", "/stream/").replace("fm.plyr.track/", "")
    assert page.one("time").text == "3:07"
    assert page.one("img").attributes["src"]
    assert not page.all("script")


async def test_a_page_says_to_machines_which_record_it_shows(client: Client, rows: Rows) -> None:
    uri = await a_track(rows, title="Song", duration_ms=187_400)
    page = await shown(client, path_of(uri))
    address = ORIGIN + path_of(uri)
    assert page.all("link", rel="alternate", href=uri)
    assert page.all("link", rel="canonical", href=address)
    assert page.meta("at:canonical") == uri
    assert page.meta("at:author") == "at://did:plc:alice"
    assert page.meta("og:type") == "music.song"
    assert page.meta("og:title") == page.meta("twitter:title") == "Song"
    assert page.meta("og:url") == address
    assert str(page.meta("og:audio")).startswith(ORIGIN)
    assert page.meta("og:audio:type") == "audio/mpeg"
    assert page.meta("music:duration") == "187"
    assert page.meta("og:image") is None
    assert page.meta("twitter:card") == "player"
    assert page.meta("twitter:player") == f"{ORIGIN}/embed{path_of(uri)}"


async def test_a_handle_names_the_same_page_in_any_case(client: Client, rows: Rows) -> None:
    uri = await a_track(rows)
    for name in ("alice.test", "ALICE.test"):
        page = await shown(client, path_of(uri, name))
        assert page.meta("og:url") == ORIGIN + path_of(uri)


async def test_a_list_has_a_page_on_which_each_track_plays(client: Client, rows: Rows) -> None:
    songs = [await a_track(rows, title="One", duration_ms=1000)]
    songs += [await rows.track("alice", title="Two"), await rows.track("alice", title="Gone")]
    uri = await rows.list("alice", tuple(songs), name="Best of", list_type="album")
    await rows.delete(songs[2])
    page = await shown(client, path_of(uri))
    assert page.one("h1").text == "Best of"
    assert page.meta("og:type") == "music.album"
    assert page.meta("at:canonical") == uri
    assert [item.attributes["value"] for item in page.all("li")] == ["1", "2", "3"]
    assert [link.attributes["href"] for link in page.all("a")][:2] == [*map(path_of, songs[:2])]
    assert "deleted" in page.one("p", **{"class": "silent"}).text
    assert [player.attributes["preload"] for player in page.all("audio")] == ["none"] * 2


async def test_a_long_list_goes_on_on_another_page(client: Client, rows: Rows) -> None:
    song = await a_track(rows)
    uri = await rows.list("alice", (song,) * 101)
    page = await shown(client, path_of(uri))
    assert len(page.all("li")) == 100
    after = page.one("a", rel="next").attributes["href"]
    assert [item.attributes["value"] for item in (await shown(client, after)).all("li")] == ["101"]
    assert await shown(client, f"{path_of(uri)}?after=") == page
    await shown(client, f"{path_of(uri)}?after=garbage", 400)


async def test_what_is_not_there_says_so_by_its_status(client: Client, rows: Rows) -> None:
    gone, hidden, song = [await a_track(rows)] + [await rows.track("alice") for _ in range(2)]
    album = await rows.list("alice", (song,))
    await rows.delete(gone)
    await rows.take_down(hidden)
    await rows.take_down(album)
    assert "deleted by its author" in (await client.http.get(path_of(gone))).text
    await shown(client, path_of(gone), 410)
    await shown(client, path_of(hidden), 410)
    await shown(client, path_of(album), 410)
    for path in (
        "/track/did:plc:alice/3kaaaaaaaaa22",
        "/track/did:plc:nobody/3kaaaaaaaaa22",
        "/track/nobody.test/3kaaaaaaaaa22",
        "/list/did:plc:alice/3kaaaaaaaaa22",
        "/track/not a name/3kaaaaaaaaa22",
    ):
        await shown(client, path, 404)
    await rows.hide("alice")
    await shown(client, path_of(song), 404)
    assert (await client.http.get(path_of(song))).headers["cache-control"] == "no-store"


async def test_what_is_only_for_supporters_says_where_to_go(client: Client, rows: Rows) -> None:
    uri = await a_track(rows, gate_type="any")
    page = await shown(client, path_of(uri))
    assert not page.all("audio")
    assert page.meta("og:audio") is None
    reason = page.one("p", **{"class": "silent"})
    assert "supporters" in reason.text
    assert page.all("a", href=f"https://plyr.fm/at/{uri[5:]}")


async def test_what_nobody_has_seen_yet_is_not_offered(client: Client, rows: Rows) -> None:
    trusted = "https://audio.plyr.fm/a.mp3"
    page = await shown(client, path_of(await a_track(rows, audio_cid=None, audio_url=trusted)))
    assert not page.all("audio")
    assert page.meta("og:audio") is None


async def test_a_page_runs_nothing_and_is_framed_by_nobody_but_its_embedded_form(
    client: Client, rows: Rows
) -> None:
    path = path_of(await a_track(rows))
    for where, ancestors in ((path, "'none'"), (f"/embed{path}", "*")):
        response = await client.http.get(where)
        policy = response.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert f"frame-ancestors {ancestors}" in policy
        assert not [part for part in policy if part.startswith("script-src") or "unsafe" in part]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert not read_page(response.text).all("script")
    for still, kind in (("style.css", "text/css; charset=utf-8"), ("icon.svg", "image/svg+xml")):
        assert (await client.http.get(f"/{still}")).headers["content-type"] == kind


async def test_a_page_that_did_not_change_is_not_sent_again(client: Client, rows: Rows) -> None:
    uri = await a_track(rows)
    first = await client.http.get(path_of(uri))
    assert first.headers["cache-control"] == "public, no-cache"
    known = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
    again = await client.http.get(path_of(uri), headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await rows.like("alice", uri)
    assert (await client.http.get(path_of(uri), headers=known)).status_code == 200
    await rows.take_down(uri)
    assert (await client.http.get(path_of(uri), headers=known)).status_code == 410


async def test_the_front_page_shows_people_what_is_new(client: Client, rows: Rows) -> None:
    uri = await a_track(rows, title="Newest")
    await rows.track("alice", title="For some", gate_type="any")
    answer = await client.http.get("/", headers={"accept": "text/html,*/*;q=0.8"})
    page = read_page(answer.text)
    assert [item.text for item in page.all("a", href=path_of(uri))] == ["Newest"]
    assert len(page.all("audio")) == 1
    words = await client.http.get("/")
    assert words.headers["content-type"].startswith("text/plain")
    assert words.headers["vary"] == answer.headers["vary"] == "accept"


async def test_R45_a_page_shows_the_labels_that_its_views_have(
    settings: AppSettings, pool: Pool, catalog: Catalog, rows: Rows
) -> None:
    track = await a_track(rows, self_labels=["loud"])
    songs = await rows.list("alice", (track,))
    for uri, val in ((track, "loud"), (track, "sexual"), (songs, "spam"), (did("alice"), "bot")):
        await rows.label(uri, val)
    trusting = replace(settings, labelers=(LABELER,))
    async with asking(create_app(trusting, pool, catalog, None)) as http:
        client = Client(http, catalog)
        of_track, of_list, embedded = [
            [label.text for label in (await shown(client, path)).all("span", **{"class": "labels"})]
            for path in (path_of(track), path_of(songs), f"/embed{path_of(track)}")
        ]
    assert sorted(of_track) == ["bot", "loud, sexual"]
    assert sorted(of_list) == ["bot", "loud, sexual", "spam"]
    assert embedded == ["loud, sexual"]


async def test_a_page_costs_few_statements_however_much_is_on_it(
    settings: AppSettings, database_url: str, catalog: Catalog
) -> None:
    counted = Counted()
    async with asyncpg.create_pool(database_url, min_size=1, init=counted.watch) as pool:
        rows = Rows(pool)
        songs = [await a_track(rows), *[await rows.track("alice") for _ in range(20)]]
        short, long = await rows.list("alice", (songs[0],)), await rows.list("alice", (*songs,))
        costs = []
        async with asking(create_app(settings, pool, catalog, None)) as http:
            for path in (path_of(songs[0]), path_of(short), path_of(long), "/"):
                counted.take()
                response = await http.get(path, headers={"accept": "text/html"})
                assert response.status_code == 200
                costs.append(len(counted.take()))
    assert max(costs) <= 5
    assert costs[1] == costs[2]


async def test_pages_count_as_requests(
    settings: AppSettings, pool: Pool, catalog: Catalog, rows: Rows
) -> None:
    path = path_of(await a_track(rows))
    strict = replace(settings, rate_limit=RateLimit(2, 3600))
    async with asking(create_app(strict, pool, catalog, None)) as http:
        answers = [await http.get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"]


VIEW = {
    "uri": "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22",
    "cid": AN_AUDIO_CID,
    "author": {"did": "did:plc:alice", "handle": "alice.test"},
    "playability": "playable",
    "stream": "https://music.test/stream/did:plc:alice/3kaaaaaaaaa22",
    "fileType": "mp3",
    "likeCount": 0,
    "commentCount": 0,
    "webUrl": "https://plyr.fm/at/did:plc:alice/fm.plyr.track/3kaaaaaaaaa22",
}
HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1),
    st.lists(
        st.sampled_from(
            [
                "<script>",
                "</title>",
                "<!--",
                "-->",
                '"',
                "'",
                ">",
                "&amp;",
                "&#60;",
                "{{ 1 }}",
                "{%",
            ]
        ),
        min_size=1,
    ).map("".join),
)


def page_of(name: str, title: str, artist: str, album: str, about: str) -> Page:
    view = {**VIEW, "title": title, "artist": artist, "album": {"title": album}}
    card = track_card(cast(TrackView, {**view, "description": about}), Places(ORIGIN))
    response = TEMPLATES.response(name, track=card, head=card, tracks=[card], places=Places(ORIGIN))
    return read_page(bytes(response.body).decode())


@pytest.mark.parametrize("name", ["track.html", "embed.html"])
@settings(report_multiple_bugs=False)
@given(title=HOSTILE, artist=HOSTILE, album=HOSTILE, about=HOSTILE)
def test_words_of_strangers_stay_words(
    name: str, title: str, artist: str, album: str, about: str
) -> None:
    page = page_of(name, title, artist, album, about)
    assert page.skeleton() == page_of(name, "Song", "Alice", "Album", "About").skeleton()
    if name == "track.html":
        assert page.one("h1").text == title
        assert page.meta("og:title") == title
        assert page.meta("og:description") == artist
        assert page.one("p", **{"class": "about"}).text == about
