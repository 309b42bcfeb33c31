"""Albums: lists and what tracks say of themselves, put together."""

from typing import Any

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows, at, full_picture

ALICE = {"actor": "alice.test"}


async def albums_of_alice(client: Client) -> list[dict[str, Any]]:
    answer = await client.ask("library.getActorAlbums", actor="alice.test")
    return list(answer["albums"])


async def album(client: Client, title: str) -> tuple[dict[str, Any], list[str]]:
    answer = await client.ask("library.getAlbum", actor="alice.test", title=title)
    return answer["album"], [item["item"]["uri"] for item in answer["items"]]


async def test_R48_an_album_list_made_anywhere_is_an_album(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    uri = await rows.list("alice", (track,), list_type="album", name="Kind of Blue")
    await rows.list("alice", (track,), list_type="playlist", name="For the road")
    (found,) = await albums_of_alice(client)
    assert (found["uri"], found["title"], found["derived"]) == (uri, "Kind of Blue", False)
    by_title, items = await album(client, "kind of blue")
    assert by_title == found
    assert items == [track]


async def test_tracks_that_name_an_album_make_one_without_a_list(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    later = await rows.track("alice", album="tunng", sort_at=at(2), duration_ms=2000)
    first = await rows.track("alice", album="Tūnņg ", sort_at=at(1), duration_ms=1000)
    await rows.track("alice", album="Other")
    await rows.track("alice")
    found, items = await album(client, "TUNNG")
    assert items == [first, later]
    assert found["title"] == "Tūnņg "
    assert (found["itemCount"], found["durationMs"], found["derived"]) == (2, 3000, True)
    assert "uri" not in found
    assert [each["title"] for each in await albums_of_alice(client)] == ["Other", "Tūnņg "]


async def test_an_album_of_tracks_that_never_end_has_a_length(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice", album="Om", duration_ms=2**63 - 1) for _ in range(3)]
    await rows.list("alice", tuple(tracks[:2]), list_type="album", name="Om")
    found, items = await album(client, "om")
    assert items == tracks
    assert found["durationMs"] == 3 * 10**12


async def test_of_a_million_tracks_on_an_album_so_many_are_added_up(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.track("alice", album="Om", duration_ms=1000)
    await rows.pool.execute(
        """
        insert into track (
            uri, did, rkey, cid, title, artist, album, album_key, file_type, duration_ms,
            created_at, sort_at, indexed_at
        )
        select
            uri || n, did, rkey || n, cid, title, artist, album, album_key, file_type, duration_ms,
            created_at, sort_at, indexed_at
        from track
        cross join generate_series(1, 2000) as n
        """
    )
    (found,) = await albums_of_alice(client)
    assert (found["itemCount"], found["durationMs"]) == (2000, 2_000_000)


async def test_R49_the_lists_order_comes_first_then_what_tracks_add(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    a, b, late, early = [
        await rows.track("alice", album="Night", sort_at=at(9 - number)) for number in range(4)
    ]
    guest, gone = await rows.track("bob"), await rows.track("alice", album="Night")
    await rows.delete(gone)
    unknown = "at://did:plc:alice/fm.plyr.track/never"
    uri = await rows.list("alice", (b, gone, guest, b, unknown, a), list_type="album", name="NIGHT")
    answer = await client.ask("library.getAlbum", uri=uri)
    assert [item["item"]["uri"] for item in answer["items"]] == [b, guest, a, early, late]
    assert [item["position"] for item in answer["items"]] == [0, 2, 5, 6, 7]
    assert answer["album"]["itemCount"] == 5
    assert answer == await client.ask("library.getAlbum", **ALICE, title="night")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_an_album_is_walked_over_the_end_of_its_list(
    client: Client, rows: Rows, limit: int
) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice", album="Night", sort_at=at(1)) for _ in range(7)]
    uri = await rows.list("alice", (tracks[2], tracks[0], tracks[2]), list_type="album", name="N")
    await rows.pool.execute("update list set title_key = 'night'")
    walked: list[tuple[int, str]] = []
    cursor: dict[str, str] = {}
    for number in range(20):
        page = await client.ask("library.getAlbum", uri=uri, limit=limit, **cursor)
        assert page["album"]["itemCount"] == (7 if number == 0 else 7 + number)
        walked += [(item["position"], item["item"]["uri"]) for item in page["items"]]
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
        await rows.track("alice", album="Night", sort_at=at(-number))
    # What was written meanwhile stands before all others; a walk still on the list meets it.
    rest = sorted(set(tracks) - {tracks[2], tracks[0]})
    assert [uri for _, uri in walked if uri in tracks] == [tracks[2], tracks[0], *rest]
    assert len({uri for _, uri in walked}) == len(walked)
    assert [position for position, _ in walked] == [0, 1, *range(3, len(walked) + 1)]


async def test_R50_a_card_counts_what_its_page_shows_and_an_empty_one_is_hidden(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    hidden = await rows.track("bob", duration_ms=9000)
    taken = await rows.track("alice", album="Gone")
    mixed = await rows.track("alice", album="Mixed", duration_ms=1000)
    await rows.list("alice", (hidden, mixed), list_type="album", name="Mixed")
    await rows.list("alice", (hidden,), list_type="album", name="Hidden")
    empty = await rows.list("alice", (), list_type="album", name="Empty")
    await rows.hide("bob")
    await rows.take_down(taken)
    (found,) = await albums_of_alice(client)
    assert (found["title"], found["itemCount"], found["durationMs"]) == ("Mixed", 1, 1000)
    assert await client.refusal("library.getAlbum", **ALICE, title="Gone") == "AlbumNotFound"
    answer = await client.ask("library.getAlbum", uri=empty)
    assert (answer["album"]["itemCount"], answer["items"]) == (0, [])


async def test_R51_titles_in_no_latin_letter_are_albums_of_their_own(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    titles = ["夜", "朝", "バス", "ハス", "???", "!!!", "\u0301", "\u0302", "a/b"]
    for title in titles:
        await rows.track("alice", album=title)
    await rows.track("alice", album="  ")
    await rows.track("alice", album="")
    assert {each["title"] for each in await albums_of_alice(client)} == set(titles)
    for title in titles:
        assert (await album(client, title))[0]["title"] == title


async def test_of_two_lists_with_one_title_the_newest_with_items_stands_for_it(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    names = {"list_type": "album", "name": "Twice"}
    older = await rows.list("alice", (track,), **names, sort_at=at(1))
    newer = await rows.list("alice", (track,), **names, sort_at=at(2))
    await rows.list("alice", (), **names, sort_at=at(3))
    assert [each["uri"] for each in await albums_of_alice(client)] == [newer]
    assert (await client.ask("library.getAlbum", uri=older))["album"]["uri"] == older
    await rows.take_down(newer)
    assert [each["uri"] for each in await albums_of_alice(client)] == [older]


async def test_a_list_that_is_hidden_leaves_what_tracks_say(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice", album="night")
    uri = await rows.list("alice", (track,), list_type="album", name="Night!")
    await rows.pool.execute("update list set title_key = 'night'")
    await rows.take_down(uri)
    (found,) = await albums_of_alice(client)
    assert (found["title"], found["derived"]) == ("night", True)
    assert await client.refusal("library.getAlbum", uri=uri) == "AlbumNotFound"
    (item,) = (await client.ask("feed.getLatest"))["feed"]
    assert item["track"]["album"] == {"title": "night"}


async def test_R12_a_list_without_a_name_keeps_its_album(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice", album="Before")
    uri = await rows.list(
        "alice", (track,), name=None, list_type=None, last_name="Before", last_list_type="album"
    )
    assert [(each["uri"], each["title"]) for each in await albums_of_alice(client)] == [
        (uri, "Before")
    ]


async def test_an_album_that_never_had_a_name_is_found_by_its_uri(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    uri = await rows.list("alice", (track,), name=None, list_type="album")
    await rows.list("alice", (), name=None, list_type="album")
    answer = await client.ask("library.getAlbum", uri=uri)
    assert (answer["album"]["title"], answer["album"]["itemCount"]) == ("Untitled", 1)
    assert await albums_of_alice(client) == []


async def test_a_track_says_where_on_which_album_it_is(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    listed = await rows.track("alice", album="Night")
    loose = await rows.track("alice", album="NIGHT")
    silent = await rows.track("alice")
    alone = await rows.track("alice", album="Alone")
    nowhere = await rows.track("alice")
    night = await rows.list("alice", (loose, listed, listed), list_type="album", name="night")
    day = await rows.list("alice", (listed, silent), list_type="album", name="Day")
    await rows.list("alice", (nowhere,), list_type="playlist", name="Later")
    await rows.list("bob", (nowhere, alone), list_type="album", name="Theirs")
    await rows.pool.execute("delete from list_item where position = 0 and list_uri = $1", night)
    uris = [listed, loose, silent, alone, nowhere]
    tracks = (await client.ask("feed.getTracks", uris=uris))["tracks"]
    assert [track.get("album") for track in tracks] == [
        {"title": "Night", "uri": night, "position": 1},
        {"title": "NIGHT", "uri": night},
        {"title": "Day", "uri": day, "position": 1},
        {"title": "Alone"},
        None,
    ]


async def test_an_albums_picture_is_the_first_in_its_order(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    one, two, _ = [
        await rows.track("alice", album="A", image_url=f"https://images.test/{number}.png")
        for number in range(3)
    ]
    without = await rows.track("alice", album="A", image_url="about:blank", sort_at=at(0))
    (found,) = await albums_of_alice(client)
    assert found["artwork"]["full"].startswith(full_picture(one))
    await rows.list("alice", (without, two, one), list_type="album", name="a")
    (found,) = await albums_of_alice(client)
    assert found["artwork"]["full"].startswith(full_picture(two))


async def test_an_album_is_as_long_as_its_tracks_if_all_are_known(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.track("alice", album="A", duration_ms=1000)
    await rows.track("alice", album="A")
    assert "durationMs" not in (await albums_of_alice(client))[0]


async def test_albums_of_others_and_of_the_hidden_are_not_mine(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    await rows.track("alice", album="Same")
    await rows.track("bob", album="Same")
    assert (await albums_of_alice(client))[0]["itemCount"] == 1
    await rows.hide("bob")
    assert await client.refusal("library.getActorAlbums", actor="bob.test") == "InvalidRequest"
    assert (
        await client.refusal("library.getAlbum", actor="bob.test", title="Same") == "InvalidRequest"
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"title": "Night"},
        {"actor": "alice.test"},
        {"actor": "alice.test", "title": " \u2003 "},
        {"uri": "at://did:plc:alice/fm.plyr.list/1", "title": "Night"},
        {"uri": "at://did:plc:alice/fm.plyr.list/1", "actor": "alice.test"},
    ],
)
async def test_an_album_is_asked_for_in_one_way(
    client: Client, rows: Rows, params: dict[str, str]
) -> None:
    await rows.account("alice")
    assert await client.refusal("library.getAlbum", **params) == "InvalidRequest"


async def test_a_playlist_is_no_album(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.list("alice", (), list_type="playlist", name="Night")
    for params in ({"uri": uri}, {**ALICE, "title": "Night"}):
        assert await client.refusal("library.getAlbum", **params) == "AlbumNotFound"
