"""What is hidden is hidden everywhere, and says why where it was asked for by name."""

from typing import Any

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows


async def uris(client: Client, method: str, **params: Any) -> list[str]:
    answer = await client.ask(method, **params)
    return [
        item.get("track", item.get("list", item))["uri"]
        for key in ("feed", "likes", "comments", "lists", "tracks")
        for item in answer.get(key, [])
    ]


@pytest.fixture
async def two_people(rows: Rows) -> dict[str, str]:
    """Alice is shown; everything of Bob's is about to be hidden."""
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", features=["did:plc:bob"])
    bobs_track = await rows.track("bob", features=["did:plc:alice"])
    await rows.like("alice", bobs_track)
    bobs_list = await rows.list("bob", (bobs_track,), list_type="album")
    return {
        "track": track,
        "bobs_track": bobs_track,
        "like": await rows.like("bob", track),
        "comment": await rows.comment("bob", track),
        "list": await rows.list("alice", (track, bobs_track)),
        "bobs_list": bobs_list,
    }


async def surfaces(client: Client, made: dict[str, str]) -> list[list[str]]:
    track = made["track"]
    alice = "did:plc:alice"
    return [
        await uris(client, "feed.getLatest"),
        await uris(client, "feed.getActorTracks", actor=alice, includeFeatures=True),
        await uris(client, "feed.getActorTracks", actor=alice, includeFeatures=True, sort="oldest"),
        await uris(client, "feed.getActorTracks", actor=alice, includeFeatures=True, sort="top"),
        await uris(client, "feed.getActorLikes", actor=alice),
        await uris(client, "feed.getLikes", uri=track),
        *[
            await uris(client, "feed.getComments", uri=track, sort=sort)
            for sort in ("timestamp", "newest", "oldest")
        ],
        await uris(client, "feed.getTracks", uris=[made["bobs_track"]]),
        await uris(client, "library.getLists", uris=[made["bobs_list"]]),
    ]


async def test_R28_a_hidden_account_drops_out_of_every_surface(
    client: Client, rows: Rows, two_people: dict[str, str]
) -> None:
    shown = await surfaces(client, two_people)
    assert all(any("did:plc:bob" in uri for uri in found) for found in shown)
    await rows.hide("bob")
    hidden = await surfaces(client, two_people)
    # The ranking was taken while Bob was shown: his track falls out when the page is read.
    assert not any("did:plc:bob" in uri for found in hidden for uri in found)
    profiles = await client.ask("actor.getProfiles", actors=["alice.test", "bob.test"])
    assert [profile["handle"] for profile in profiles["profiles"]] == ["alice.test"]
    assert await client.refusal("actor.getProfile", actor="bob.test") == "ActorNotFound"
    assert await client.refusal("feed.getActorTracks", actor="bob.test") == "InvalidRequest"
    track = await client.ask("feed.getTrack", uri=two_people["track"])
    assert "features" not in track["track"]


async def test_a_hidden_accounts_records_say_that_it_is_inactive(
    client: Client, rows: Rows, two_people: dict[str, str]
) -> None:
    await rows.hide("bob")
    uri = two_people["bobs_track"]
    missing = {"uri": uri, "reason": "account-inactive"}
    assert await client.refusal("feed.getTrack", uri=uri) == "TrackUnavailable"
    assert (await client.ask("feed.getTracks", uris=[uri]))["missing"] == [missing]
    items = (await client.ask("library.getList", uri=two_people["list"]))["items"]
    assert items[1]["item"] == {"$type": "fm.plyr.feed.defs#missingItem", **missing}
    assert items[0]["item"]["$type"] == "fm.plyr.feed.defs#trackView"


@pytest.mark.parametrize("name", ["bobs_track", "like", "comment", "bobs_list"])
async def test_a_record_taken_down_here_drops_out_of_every_surface(
    client: Client, rows: Rows, two_people: dict[str, str], name: str
) -> None:
    uri = two_people[name]
    assert any(uri in found for found in await surfaces(client, two_people))
    await rows.take_down(uri)
    assert not any(uri in found for found in await surfaces(client, two_people))


async def test_a_track_taken_down_here_says_so(
    client: Client, rows: Rows, two_people: dict[str, str]
) -> None:
    uri = two_people["bobs_track"]
    await rows.take_down(uri)
    assert await client.refusal("feed.getTrack", uri=uri) == "TrackUnavailable"
    answer = await client.ask("feed.getTracks", uris=[uri])
    assert answer["missing"] == [{"uri": uri, "reason": "taken-down"}]


ABOUT_A_RECORD = ("feed.getLikes", "feed.getComments", "library.getListsContaining")


async def hidden(rows: Rows, uri: str, how: str) -> None:
    if how == "account-inactive":
        await rows.hide("alice")
    elif how == "taken-down":
        await rows.take_down(uri)
    elif how == "deleted":
        await rows.delete(uri)
    else:
        await rows.pool.execute("delete from track where uri = $1", uri)
        await rows.pool.execute("update record set state = 'invalid' where did = 'did:plc:alice'")


@pytest.mark.parametrize("method", ABOUT_A_RECORD)
@pytest.mark.parametrize("how", ["account-inactive", "taken-down", "deleted", "invalid"])
async def test_of_a_hidden_record_nothing_is_told_but_why(
    client: Client, rows: Rows, method: str, how: str
) -> None:
    for name in ("alice", "bob"):
        await rows.account(name)
    track = await rows.track("alice")
    await rows.like("bob", track)
    await rows.comment("bob", track)
    await rows.list("bob", (track,))
    assert len(await uris(client, method, uri=track)) == 1
    await hidden(rows, track, how)
    for uri in (track, track.replace("did:plc:alice", "alice.test")):
        assert await client.refusal(method, uri=uri) == "RecordNotFound"
        assert how in (await client.http.get(f"/xrpc/fm.plyr.{method}?uri={uri}")).text


async def test_of_a_hidden_list_nobody_is_told_who_likes_it(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    listed = await rows.list("alice")
    await rows.like("alice", listed)
    assert len(await uris(client, "feed.getLikes", uri=listed)) == 1
    await rows.take_down(listed)
    assert await client.refusal("feed.getLikes", uri=listed) == "RecordNotFound"


@pytest.mark.parametrize("method", ABOUT_A_RECORD)
@pytest.mark.parametrize("collection", ["fm.plyr.track", "app.bsky.feed.post"])
async def test_what_came_before_the_record_it_is_about_is_told(
    client: Client, rows: Rows, method: str, collection: str
) -> None:
    await rows.account("bob")
    unknown = f"at://did:plc:carol/{collection}/3kaaaaaaaaa22"
    assert await uris(client, method, uri=unknown) == []
    await rows.like("bob", unknown)
    await rows.comment("bob", unknown)
    await rows.list("bob", (unknown,))
    assert len(await uris(client, method, uri=unknown)) == 1
    await rows.take_down("did:plc:carol")
    assert await client.refusal(method, uri=unknown) == "RecordNotFound"


async def test_R53_hidden_rows_never_end_a_page_early(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    shown = []
    for _ in range(4):
        shown.append(await rows.track("alice"))
        for _ in range(5):
            await rows.track("bob")
    await rows.hide("bob")
    first = await client.ask("feed.getLatest", limit=3)
    second = await client.ask("feed.getLatest", limit=3, cursor=first["cursor"])
    assert [item["track"]["uri"] for item in first["feed"]] == shown[:0:-1]
    assert [item["track"]["uri"] for item in second["feed"]] == shown[:1]
    assert "cursor" not in second


async def test_R46_nulls_hide_nothing(client: Client, rows: Rows) -> None:
    await rows.account("did:plc:nobody", handle=None)
    uri = await rows.track("did:plc:nobody", audio_cid=None, audio_url=None)
    listed = await rows.list("did:plc:nobody", (uri,), name=None, list_type=None)
    assert await uris(client, "feed.getLatest") == [uri]
    assert await uris(client, "library.getActorLists", actor="did:plc:nobody") == [listed]


async def test_R18_people_without_a_profile_are_shown(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("did:plc:nobody", handle=None)
    uri = await rows.track("alice")
    await rows.like("did:plc:nobody", uri)
    await rows.comment("did:plc:nobody", uri)
    nobody = {"did": "did:plc:nobody", "handle": "handle.invalid"}
    assert (await client.ask("feed.getLikes", uri=uri))["likes"][0]["actor"] == nobody
    assert (await client.ask("feed.getComments", uri=uri))["comments"][0]["author"] == nobody
