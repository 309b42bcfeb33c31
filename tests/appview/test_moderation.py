"""What was taken down here: blobs, profiles and accounts, in every view that would show them."""

from typing import Any

from indexer import moderation
from indexer.moderation import Decision, parse_subject
from indexer.records.registry import record_types
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, Rows, cid_of, full_picture
from tests.indexer.changes import BOB, TRACK_URI, change, index, like, track, uri

TYPES = record_types("fm.plyr")
PICTURE = cid_of({"a": "picture"})
OTHER = cid_of({"another": "picture"})
PROFILE = cid_of({"a": "profile"})
ALICE = "did:plc:alice"


async def take_down(pool: Pool, subject: str) -> None:
    await moderation.take_down(pool, TYPES, Decision(parse_subject(subject), "me"))


async def restore(pool: Pool, subject: str) -> None:
    await moderation.restore(pool, TYPES, Decision(parse_subject(subject), "me"))


def cdn(kind: str, cid: str) -> str:
    return f"https://cdn.bsky.app/img/{kind}/plain/{ALICE}/{cid}@jpeg"


def avatar(cid: str) -> str:
    return f"https://music.test/img/full/avatar/{ALICE}/{cid}"


async def playabilities(client: Client, **params: Any) -> dict[str, str]:
    feed = (await client.ask("feed.getLatest", **params))["feed"]
    return {item["track"]["title"]: item["track"]["playability"] for item in feed}


async def test_a_track_whose_audio_is_taken_down_is_shown_but_cannot_be_played(
    client: Client, rows: Rows
) -> None:
    for name in ("alice", "bob"):
        await rows.account(name)
    url = "https://audio.plyr.fm/audio/a.mp3"
    down = await rows.track("alice", title="down", audio_url=url)
    by_url = await rows.track("alice", title="by url", audio_cid=None, audio_url=url)
    await rows.check_source(by_url, "ok")
    await rows.track("bob", title="of bob")
    album = await rows.list("alice", (down, by_url))
    await take_down(rows.pool, f"{ALICE}/{AN_AUDIO_CID}")
    down_everywhere = {"down": "taken-down", "of bob": "taken-down"}
    assert await playabilities(client) == down_everywhere | {"by url": "playable"}
    assert await playabilities(client, playable=True) == {"by url": "playable"}
    lists = (await client.ask("library.getLists", uris=[album]))["lists"]
    assert (lists[0]["itemCount"], lists[0]["playableCount"]) == (2, 1)
    await restore(rows.pool, f"{ALICE}/{AN_AUDIO_CID}")
    assert set((await playabilities(client)).values()) == {"playable"}


async def test_a_taken_down_blob_is_no_gates_business(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice", title="gated", gate_type="any")
    await take_down(rows.pool, f"{ALICE}/{AN_AUDIO_CID}")
    assert await playabilities(client) == {"gated": "taken-down"}


async def faces(client: Client) -> list[dict[str, Any]]:
    """Alice wherever she is shown: by herself, beside a track, among those it features."""
    profile = (await client.ask("actor.getProfile", actor=ALICE))["profile"]
    feed = (await client.ask("feed.getLatest"))["feed"]
    tracks = [item["track"] for item in feed]
    likes = (await client.ask("feed.getLikes", uri=tracks[0]["uri"]))["likes"]
    comments = (await client.ask("feed.getComments", uri=tracks[0]["uri"]))["comments"]
    (featured,) = [track["features"][0] for track in tracks if "features" in track]
    (author,) = [track["author"] for track in tracks if track["author"]["did"] == ALICE]
    return [profile, author, featured, likes[0]["actor"], comments[0]["author"]]


async def show_alice(rows: Rows, **bsky: object) -> None:
    for name in ("alice", "bob"):
        await rows.account(name)
    await rows.bsky_profile("alice", **bsky)
    await rows.profile("alice", avatar=cdn("avatar", OTHER), cid=PROFILE)
    await rows.track("bob", features=[ALICE])
    track = await rows.track("alice")
    await rows.like("alice", track)
    await rows.comment("alice", track)


async def test_a_taken_down_picture_leaves_the_next_one_in_its_place(
    client: Client, rows: Rows
) -> None:
    await show_alice(rows, avatar_cid=PICTURE)
    assert {face["avatar"]["full"] for face in await faces(client)} == {avatar(PICTURE)}
    await take_down(rows.pool, f"{ALICE}/{PICTURE}")
    assert {face["avatar"]["full"] for face in await faces(client)} == {avatar(PROFILE)}
    await take_down(rows.pool, f"{ALICE}/{OTHER}")
    assert not any("avatar" in face for face in await faces(client))
    assert {face["displayName"] for face in await faces(client)} == {"Alice"}
    await restore(rows.pool, f"{ALICE}/{PICTURE}")
    assert {face["avatar"]["full"] for face in await faces(client)} == {avatar(PICTURE)}


async def test_a_taken_down_profile_is_as_if_there_were_none(client: Client, rows: Rows) -> None:
    await show_alice(rows, avatar_cid=PICTURE)
    await take_down(rows.pool, f"at://{ALICE}/app.bsky.actor.profile/self")
    shown = await faces(client)
    assert not any("displayName" in face for face in shown)
    assert {face["avatar"]["full"] for face in shown} == {avatar(PROFILE)}
    assert shown[0]["bio"] == "I am alice"
    await take_down(rows.pool, f"at://{ALICE}/fm.plyr.actor.profile/self")
    profile, *others = await faces(client)
    assert not any("avatar" in face for face in (profile, *others))
    assert not {"bio", "createdAt"} & set(profile)


async def test_a_taken_down_cover_is_not_shown_wherever_it_is_said_to_be(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    cover = await rows.track("alice", image_url=cdn("feed_thumbnail", PICTURE))
    other = await rows.track("alice", image_url="https://images.plyr.fm/images/a.jpg")
    album = await rows.list("alice", (cover, other))
    await take_down(rows.pool, f"{ALICE}/{PICTURE}")
    tracks = (await client.ask("feed.getTracks", uris=[cover, other]))["tracks"]
    assert ["artwork" in track for track in tracks] == [False, True]
    lists = (await client.ask("library.getLists", uris=[album]))["lists"]
    assert lists[0]["artwork"]["full"].startswith(full_picture(other))


async def test_an_account_that_is_taken_down_is_gone_from_everywhere_and_says_so(
    client: Client, rows: Rows
) -> None:
    await show_alice(rows)
    (uri,) = [
        item["track"]["uri"]
        for item in (await client.ask("feed.getActorTracks", actor=ALICE))["feed"]
        if "features" not in item["track"]
    ]
    await take_down(rows.pool, ALICE)
    (left,) = (await client.ask("feed.getLatest"))["feed"]
    assert left["track"]["author"]["did"] == "did:plc:bob"
    assert "features" not in left["track"]
    assert await client.refusal("actor.getProfile", actor=ALICE) == "ActorNotFound"
    missing = (await client.ask("actor.getProfiles", actors=[ALICE]))["missing"]
    assert [item["reason"] for item in missing] == ["taken-down"]
    missing = (await client.ask("feed.getTracks", uris=[uri]))["missing"]
    assert missing == [{"uri": uri, "reason": "taken-down"}]
    status = await client.ask("sync.getRecordStatus", uri=uri)
    assert (status["state"], status["reason"]) == ("hidden", "taken-down")
    await restore(rows.pool, ALICE)
    assert len((await client.ask("feed.getLatest"))["feed"]) == 2


async def test_the_accounts_next_like_is_shown_in_the_place_of_one_taken_down(
    client: Client, pool: Pool
) -> None:
    likes = [change(like(), did=BOB, key=key) for key in (1, 2)]
    await index(pool, change(track()), *likes)
    for taken_down, shown in (([], 1), ([1], 2), ([1, 2], None)):
        for key in taken_down:
            await take_down(pool, uri(BOB, "like", key))
        found = await client.ask("feed.getLikes", uri=TRACK_URI)
        expected = [] if shown is None else [uri(BOB, "like", shown)]
        assert [item["uri"] for item in found["likes"]] == expected
        assert found["total"] == len(expected)
        liked = await client.ask("feed.getActorLikes", actor=BOB)
        assert len(liked["feed"]) == len(expected)
