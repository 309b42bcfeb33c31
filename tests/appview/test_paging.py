"""R54: walking the pages gives the unpaged set, each once, while others insert and delete."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from appview.pagination import EARLIEST, LATEST, Key, Order, encode, to_micros
from tests.appview.conftest import Client
from tests.appview.makers import Rows, at

TIE = at(1000)
MAX_PAGES = 20
Made = list[str]


@dataclass(frozen=True, slots=True)
class Paged:
    """`fill` makes seven things, all at one time; `disturb` inserts and deletes others."""

    method: str
    params: dict[str, Any]
    fill: Callable[[Rows], Awaitable[Made]]
    key: Callable[[dict[str, Any]], str]
    items: str = "feed"


def track_uri(item: dict[str, Any]) -> str:
    return str(item["track"]["uri"])


def own_uri(item: dict[str, Any]) -> str:
    return str(item["uri"])


def list_uri(item: dict[str, Any]) -> str:
    return str(item["list"]["uri"])


def title(item: dict[str, Any]) -> str:
    return str(item["title"])


async def alices_tracks(rows: Rows) -> Made:
    await rows.account("alice")
    return [await rows.track("alice", sort_at=TIE) for _ in range(7)]


async def tracks_with_features(rows: Rows) -> Made:
    await rows.account("alice")
    await rows.account("bob")
    by_alice = [await rows.track("alice", sort_at=TIE) for _ in range(4)]
    featuring = [await rows.track("bob", sort_at=TIE, features=["did:plc:alice"]) for _ in range(3)]
    return by_alice + featuring


async def alices_likes(rows: Rows) -> Made:
    await rows.account("alice")
    tracks = [await rows.track("alice") for _ in range(7)]
    for track in tracks:
        await rows.like("alice", track, sort_at=TIE)
    return tracks


TRACK = "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22"


async def likes_of_a_track(rows: Rows) -> Made:
    for number in range(7):
        await rows.account(f"fan{number}")
    return [await rows.like(f"fan{number}", TRACK, sort_at=TIE) for number in range(7)]


async def comments_on_a_track(rows: Rows) -> Made:
    await rows.account("alice")
    return [await rows.comment("alice", TRACK, sort_at=TIE, timestamp_ms=5) for _ in range(7)]


async def alices_lists(rows: Rows) -> Made:
    await rows.account("alice")
    return [await rows.list("alice", sort_at=TIE) for _ in range(7)]


async def lists_with_a_track(rows: Rows) -> Made:
    await rows.account("alice")
    return [await rows.list("alice", (TRACK, TRACK), sort_at=TIE) for _ in range(7)]


async def albums_that_tracks_name(rows: Rows) -> Made:
    await rows.account("alice")
    titles = [f"album {number}" for number in range(7)]
    for title in titles:
        await rows.track("alice", album=title, sort_at=TIE)
    return titles


ALICE = {"actor": "did:plc:alice"}
ON_TRACK = {"uri": TRACK}
PAGED = [
    Paged("feed.getLatest", {}, alices_tracks, track_uri),
    Paged("feed.getLatest", {"playable": "true"}, alices_tracks, track_uri),
    Paged("feed.getActorTracks", ALICE, alices_tracks, track_uri),
    Paged("feed.getActorTracks", {**ALICE, "sort": "oldest"}, alices_tracks, track_uri),
    Paged("feed.getActorTracks", {**ALICE, "sort": "top"}, alices_tracks, track_uri),
    *[
        Paged(
            "feed.getActorTracks",
            {**ALICE, "sort": sort, "includeFeatures": "true"},
            tracks_with_features,
            track_uri,
        )
        for sort in ("newest", "oldest", "top")
    ],
    Paged("feed.getActorLikes", ALICE, alices_likes, track_uri),
    Paged("feed.getLikes", ON_TRACK, likes_of_a_track, own_uri, "likes"),
    *[
        Paged(
            "feed.getComments", {**ON_TRACK, "sort": sort}, comments_on_a_track, own_uri, "comments"
        )
        for sort in ("timestamp", "newest", "oldest")
    ],
    Paged("library.getActorLists", ALICE, alices_lists, own_uri, "lists"),
    *[
        Paged(f"library.{method}", {**params, **of_type}, fill, key, "lists")
        for method, params, fill, key in (
            ("getLatestLists", {}, alices_lists, own_uri),
            ("getListsContaining", ON_TRACK, lists_with_a_track, list_uri),
            ("getListsContaining", {**ON_TRACK, **ALICE}, lists_with_a_track, list_uri),
        )
        for of_type in ({}, {"listType": "playlist"})
    ],
    Paged("library.getActorAlbums", ALICE, albums_that_tracks_name, title, "albums"),
]
NAMES = [f"{paged.method} {sorted(paged.params)} {paged.params.get('sort')}" for paged in PAGED]


async def disturb(rows: Rows, shown: str) -> None:
    """Somebody writes at the same moment; what was shown before is deleted."""
    name = f"other{next(rows.numbers)}"
    await rows.account(name)
    new = await rows.track(name, sort_at=TIE, features=["did:plc:alice"])
    await rows.like(name, TRACK, sort_at=TIE)
    await rows.like("alice", new, sort_at=TIE)
    await rows.comment(name, TRACK, sort_at=TIE, timestamp_ms=5)
    await rows.list("alice", (TRACK,), sort_at=TIE)
    await rows.track("alice", album=f"album {name}")
    await rows.pool.execute("delete from track where album_key = $1", shown)
    for table in ("track", '"like"', "comment", "list"):
        await rows.pool.execute(f"delete from {table} where uri = $1", shown)


@pytest.mark.parametrize("paged", PAGED, ids=NAMES)
async def test_R54_walking_equals_the_unpaged_set(client: Client, rows: Rows, paged: Paged) -> None:
    made = await paged.fill(rows)
    whole = await client.ask(paged.method, **paged.params)
    unpaged = [paged.key(item) for item in whole[paged.items]]
    assert sorted(unpaged) == sorted(made)
    assert "cursor" not in whole

    walked: Made = []
    cursor: dict[str, str] = {}
    # Now the one that the cursor names is deleted, now the one before it.
    for deleted in (-1, -2) * MAX_PAGES:
        page = await client.ask(paged.method, **paged.params, **cursor, limit=2)
        assert len(page[paged.items]) <= 2
        walked += [paged.key(item) for item in page[paged.items]]
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
        await disturb(rows, walked[deleted])
    assert [uri for uri in walked if uri in made] == unpaged
    assert len(set(walked)) == len(walked)


@pytest.mark.parametrize("paged", PAGED, ids=NAMES)
async def test_no_cursor_is_a_server_error(client: Client, rows: Rows, paged: Paged) -> None:
    await paged.fill(rows)
    extremes = [
        encode(order, Key(number, name))
        for order in Order
        for number in (-(2**63), -1, 0, 2**31, 2**63 - 1, to_micros(EARLIEST), to_micros(LATEST))
        for name in ("", TRACK, "at://did:plc:alice\x00")
    ]
    for cursor in ["garbage", "\x00", "ä", *extremes]:
        response = await client.http.get(
            f"/xrpc/fm.plyr.{paged.method}", params={**paged.params, "cursor": cursor}
        )
        assert response.status_code in {200, 400}, (cursor, response.text)


@pytest.mark.parametrize("method", ["feed.getActorTracks", "feed.getComments"])
async def test_a_cursor_goes_no_other_way_than_the_walk_it_is_of(
    client: Client, rows: Rows, method: str
) -> None:
    sorts: dict[Any, Paged] = {
        paged.params.get("sort", "newest"): paged
        for paged in PAGED
        if paged.method == method and "includeFeatures" not in paged.params
    }
    await sorts["newest"].fill(rows)
    for sort, paged in sorts.items():
        first = await client.ask(method, **paged.params, limit=2)
        for other in sorts.keys() - {sort}:
            asked = {**sorts[other].params, "cursor": first["cursor"]}
            assert await client.refusal(method, **asked) == "InvalidRequest", (sort, other)


@pytest.mark.parametrize("paged", PAGED, ids=NAMES)
async def test_garbage_for_a_cursor_is_refused(client: Client, rows: Rows, paged: Paged) -> None:
    await paged.fill(rows)
    error = await client.refusal(paged.method, **paged.params, cursor="garbage")
    assert error == "InvalidRequest"


async def test_a_list_is_walked_by_position(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice") for _ in range(3)]
    subjects = (tracks[2], TRACK, tracks[0], tracks[2], tracks[1])
    uri = await rows.list("alice", subjects)
    walked: list[tuple[int, str]] = []
    cursor: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        page = await client.ask("library.getList", uri=uri, limit=2, **cursor)
        walked += [(item["position"], item["item"]["uri"]) for item in page["items"]]
        assert ("record" in page["list"]) == (not cursor)
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    assert walked == list(enumerate(subjects))
    assert await client.refusal("library.getList", uri=uri, cursor="garbage") == "InvalidRequest"
