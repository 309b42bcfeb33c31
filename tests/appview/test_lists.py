"""Albums, playlists and liked lists."""

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows, at, full_picture


@pytest.mark.parametrize("kind", ["album", "playlist", "liked"])
async def test_R48_every_kind_of_list_is_shown_with_its_items_in_order(
    client: Client, rows: Rows, kind: str
) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice") for _ in range(3)]
    ordered = (tracks[1], tracks[2], tracks[0])
    uri = await rows.list("alice", ordered, list_type=kind, name="Mine")
    listed = await client.ask("library.getActorLists", actor="alice.test", listType=kind)
    assert [view["uri"] for view in listed["lists"]] == [uri]
    answer = await client.ask("library.getList", uri=uri)
    assert answer["list"]["listType"] == kind
    assert [item["item"]["uri"] for item in answer["items"]] == list(ordered)
    assert [item["subject"]["uri"] for item in answer["items"]] == list(ordered)


async def test_lists_are_filtered_by_type(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    playlist = await rows.list("alice", list_type="playlist", sort_at=at(1))
    liked = await rows.list("alice", list_type="liked", sort_at=at(2))

    async def ask(**params: str) -> list[str]:
        answer = await client.ask("library.getActorLists", actor="alice.test", **params)
        return [view["uri"] for view in answer["lists"]]

    assert await ask() == [liked, playlist]
    assert await ask(listType="liked") == [liked]
    assert await ask(listType="mixtape") == []
    assert (
        await client.refusal("library.getActorLists", actor="alice.test", listType="al\0bum")
        == "InvalidRequest"
    )


async def test_R12_a_list_that_lost_its_name_keeps_the_last_one(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    uri = await rows.list(
        "alice",
        (track,),
        name=None,
        list_type=None,
        last_name="Before",
        last_list_type="album",
    )
    listed = await client.ask("library.getActorLists", actor="alice.test", listType="album")
    assert [(view["uri"], view["name"]) for view in listed["lists"]] == [(uri, "Before")]


async def test_R50_an_album_with_nothing_to_show_is_not_listed(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice")
    hidden = await rows.track("bob")
    await rows.hide("bob")
    album = await rows.list("alice", (hidden, track), list_type="album")
    await rows.list("alice", (hidden,), list_type="album")
    await rows.list("alice", (), list_type="album")
    playlist = await rows.list("alice", (), list_type="playlist")
    listed = await client.ask("library.getActorLists", actor="alice.test")
    assert [view["uri"] for view in listed["lists"]] == [playlist, album]
    page = await client.ask("library.getList", uri=album)
    assert listed["lists"][1]["itemCount"] == len(page["items"]) == 2


async def test_a_list_is_as_long_as_its_items_if_all_are_known(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    known = [await rows.track("alice", duration_ms=1000) for _ in range(2)]
    unknown = await rows.track("alice")
    never = "at://did:plc:alice/fm.plyr.track/never"
    uris = [
        await rows.list("alice", (*known, known[0])),
        await rows.list("alice", (*known, unknown)),
        await rows.list("alice", (*known, never)),
        await rows.list("alice"),
    ]
    lists = (await client.ask("library.getLists", uris=uris))["lists"]
    assert [view.get("durationMs") for view in lists] == [3000, None, None, None]
    assert [view["playableCount"] for view in lists] == [3, 3, 2, 0]


async def test_a_lists_picture_is_the_first_of_its_tracks(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    odd = [await rows.track("alice", image_url=url) for url in (None, "ipfs://a", "data:,b")]
    tracks = [
        await rows.track("alice", image_url=f"https://images.test/{number}.png")
        for number in range(2)
    ]
    uri = await rows.list("alice", (*odd, *tracks))
    (view,) = (await client.ask("library.getLists", uris=[uri]))["lists"]
    assert view["artwork"]["full"].startswith(full_picture(tracks[0]))


async def test_an_item_that_is_not_shown_keeps_its_place_and_says_why(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track, deleted = [await rows.track("alice") for _ in range(2)]
    await rows.delete(deleted)
    foreign = "at://did:plc:bob/app.bsky.feed.post/1"
    account = "at://did:plc:bob"
    uri = await rows.list("alice", (deleted, track, foreign, account))
    items = (await client.ask("library.getList", uri=uri))["items"]
    assert [item["position"] for item in items] == [0, 1, 2, 3]
    reasons = [(item["item"]["uri"], item["item"].get("reason")) for item in items]
    assert reasons == [
        (deleted, "deleted"),
        (track, None),
        (foreign, "not-indexed"),
        (account, "not-indexed"),
    ]


async def test_lists_keep_the_order_asked_for_and_name_what_is_missing(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    first, second = [await rows.list("alice") for _ in range(2)]
    never = "at://did:plc:alice/fm.plyr.list/never"
    answer = await client.ask("library.getLists", uris=[second, never, first])
    assert [view["uri"] for view in answer["lists"]] == [second, first]
    assert answer["missing"] == [{"uri": never, "reason": "not-indexed"}]
    assert await client.refusal("library.getList", uri=never) == "ListNotFound"


async def test_a_list_by_a_handle_is_answered_with_the_did(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.list("alice")
    by_handle = uri.replace("did:plc:alice", "alice.test")
    assert (await client.ask("library.getList", uri=by_handle))["list"]["uri"] == uri


async def test_lists_with_a_track_say_where_it_is_first(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    await rows.account("carol")
    track, other = [await rows.track("alice") for _ in range(2)]
    await rows.list("alice", (other,), sort_at=at(9))
    album = await rows.list("alice", (other, track, track), list_type="album", sort_at=at(1))
    mine = await rows.list("alice", (track,), sort_at=at(3))
    theirs = await rows.list("bob", (other, other, track), sort_at=at(2))
    await rows.list("carol", (track,))
    await rows.hide("carol")
    taken = await rows.list("bob", (track,))
    await rows.take_down(taken)

    async def ask(**params: str) -> list[tuple[str, int]]:
        answer = await client.ask("library.getListsContaining", uri=track, **params)
        return [(place["list"]["uri"], place["position"]) for place in answer["lists"]]

    assert await ask() == [(mine, 0), (theirs, 2), (album, 1)]
    assert await ask(listType="album") == [(album, 1)]
    assert await ask(actor="alice.test") == [(mine, 0), (album, 1)]
    assert await ask(actor="alice.test", listType="playlist") == [(mine, 0)]
    assert await ask(actor="bob.test") == [(theirs, 2)]
    hidden = await client.refusal("library.getListsContaining", uri=track, actor="carol.test")
    assert hidden == "InvalidRequest"


async def test_everybodys_lists_come_newest_first(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    await rows.account("carol")
    track = await rows.track("alice")
    liked = await rows.list("alice", (), list_type="liked", sort_at=at(1))
    album = await rows.list("bob", (track,), list_type="album", sort_at=at(3))
    await rows.list("bob", (), list_type="album", name="Empty")
    kept = await rows.list("alice", (track,), list_type=None, last_list_type="album", sort_at=at(2))
    await rows.list("carol", (track,))
    await rows.hide("carol")

    async def ask(**params: str) -> list[str]:
        answer = await client.ask("library.getLatestLists", **params)
        return [view["uri"] for view in answer["lists"]]

    assert await ask() == [album, kept, liked]
    assert await ask(listType="album") == [album, kept]
    assert await ask(listType="playlist") == []
