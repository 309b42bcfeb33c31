"""Tracks in feeds and by name: what is shown of one."""

from datetime import timedelta
from typing import Any

from tests.appview.conftest import Client
from tests.appview.makers import Rows, at

A_STRANGER = "https://evil.test"


async def latest(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = await client.ask("feed.getLatest", **params)
    return [item["track"] for item in answer["feed"]]


async def test_the_newest_track_comes_first(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    older = await rows.track("alice", sort_at=at(1))
    newest = await rows.track("alice", sort_at=at(3))
    newer = await rows.track("alice", sort_at=at(2))
    assert [track["uri"] for track in await latest(client)] == [newest, newer, older]


async def test_a_track_says_what_its_record_and_the_index_know(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    await rows.bsky_profile("alice", avatar_cid="bafkreia")
    uri = await rows.track(
        "alice",
        title="Song",
        artist="Alice & Bob",
        album="Album",
        description="About it",
        duration_ms=1234,
        image_url="https://images.plyr.fm/a.jpg",
        features=["did:plc:bob", "did:plc:unknown"],
        tags=["ambient"],
        self_labels=["sexual"],
        sort_at=at(1.5),
        indexed_at=at(2),
    )
    await rows.like("bob", uri)
    await rows.comment("bob", uri)
    (track,) = await latest(client)
    cid = track.pop("cid")
    avatar = "https://music.test/img/{}/avatar/did:plc:alice/bafkreia"
    picture = f"https://music.test/img/{{}}/track/{uri[5:].replace('fm.plyr.track/', '')}/{cid}"
    sizes = ("thumb", "medium", "full")
    assert track == {
        "uri": uri,
        "title": "Song",
        "artist": "Alice & Bob",
        "author": {
            "did": "did:plc:alice",
            "handle": "alice.test",
            "displayName": "Alice",
            "avatar": {size: avatar.format(size) for size in sizes},
        },
        "album": {"title": "Album"},
        "artwork": {size: picture.format(size) for size in sizes},
        "description": "About it",
        "durationMs": 1234,
        "features": [
            {"did": "did:plc:bob", "handle": "bob.test"},
            {"did": "did:plc:unknown", "handle": "handle.invalid"},
        ],
        "fileType": "mp3",
        "likeCount": 1,
        "commentCount": 1,
        "inListsCount": 0,
        "labels": [
            {
                "src": "did:plc:alice",
                "uri": uri,
                "cid": cid,
                "val": "sexual",
                "cts": "2026-01-01T00:00:00.123456+00:00",
            }
        ],
        "playability": "playable",
        "stream": f"https://music.test/stream/did:plc:alice/{uri.split('/')[-1]}",
        "tags": ["ambient"],
        "webUrl": "https://plyr.fm/at/" + uri.removeprefix("at://"),
        "createdAt": "2026-01-01T00:00:00.123456+00:00",
        "sortAt": "2026-01-01T00:00:01.500000Z",
        "indexedAt": "2026-01-01T00:00:02Z",
    }


async def test_R10_what_a_record_no_longer_says_is_not_shown(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice")
    (track,) = await latest(client)
    absent = {"album", "artwork", "description", "durationMs", "features", "gate", "labels", "tags"}
    assert not absent & track.keys()


async def test_R30_R32_a_strangers_addresses_are_never_passed_on(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.profile("alice", avatar=f"{A_STRANGER}/me.png")
    uri = await rows.track(
        "alice",
        audio_cid=None,
        audio_url=f"{A_STRANGER}/a.mp3",
        image_url=f"{A_STRANGER}/a.png",
    )
    listed = await rows.list("alice", (uri,))
    for method, params in [
        ("feed.getLatest", {}),
        ("feed.getTrack", {"uri": uri}),
        ("actor.getProfile", {"actor": "alice.test"}),
        ("library.getList", {"uri": listed}),
    ]:
        assert A_STRANGER not in str(await client.ask(method, **params))
    (track,) = await latest(client)
    assert track["playability"] == "unavailable"


async def test_playability_is_the_same_word_in_views_lists_and_filters(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    tracks = {
        await rows.track("alice", audio_cid=cid, audio_url=url, gate_type=gate)
        for cid in (None, "bafkreia")
        for url in (None, f"{A_STRANGER}/a.mp3", "https://audio.plyr.fm/audio/a.mp3")
        for gate in (None, "any")
    }
    for uri, status in zip(sorted(tracks), ("ok", "dead", "unknown") * 4, strict=True):
        await rows.check_source(uri, status)
    shown = await latest(client)
    may_play = {track["uri"] for track in shown if track["playability"] == "playable"}
    assert may_play == {track["uri"] for track in shown if "stream" in track}
    assert 3 <= len(may_play) <= 4
    assert {track["uri"] for track in await latest(client, playable="true")} == may_play
    listed = await rows.list("alice", tuple(tracks))
    answer = await client.ask("library.getList", uri=listed)
    assert answer["list"]["playableCount"] == len(may_play)


async def test_a_gated_track_names_its_gate(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice", gate_type="any", audio_cid=None)
    (track,) = await latest(client)
    gate = {"type": "any", "url": track["webUrl"]}
    assert (track["playability"], track["gate"]) == ("gated", gate)


async def test_since_and_until_bound_the_latest(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uris = [await rows.track("alice", sort_at=at(second)) for second in range(4)]
    since, until = at(1).isoformat(), at(3).isoformat()
    bounded = await latest(client, since=since, until=until)
    assert [track["uri"] for track in bounded] == [uris[2], uris[1]]
    far = (at(0) + timedelta(days=400)).isoformat()
    assert await latest(client, since=far) == []
    assert len(await latest(client, until=far, since="0001-01-01T00:00:00Z")) == 4


async def test_a_time_that_cannot_be_held_is_refused(client: Client) -> None:
    for moment in (
        "0001-01-01T00:00:00+14:00",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
    ):
        for name in ("since", "until"):
            assert await client.refusal("feed.getLatest", **{name: moment}) == "InvalidRequest"


async def test_a_track_comes_with_its_record_where_it_is_asked_for_by_name(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", title="Song")
    record = {"$type": "fm.plyr.track", "title": "Song"}
    assert (await client.ask("feed.getTrack", uri=uri))["track"]["record"] == record
    assert (await client.ask("feed.getTracks", uris=[uri]))["tracks"][0]["record"] == record
    assert "record" not in (await latest(client))[0]


async def test_tracks_keep_the_order_asked_for_and_name_what_is_missing(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    first, second, deleted, invalid = [await rows.track("alice") for _ in range(4)]
    await rows.delete(deleted)
    await rows.pool.execute("delete from track where uri = $1", invalid)
    await rows.pool.execute("update record set state = 'invalid' where rkey = $1", invalid[-13:])
    never = "at://did:plc:alice/fm.plyr.track/never"
    nobody = "at://nobody.test/fm.plyr.track/never"
    answer = await client.ask(
        "feed.getTracks", uris=[second, never, first, deleted, second, invalid, nobody]
    )
    assert [track["uri"] for track in answer["tracks"]] == [second, first]
    assert answer["missing"] == [
        {"uri": never, "reason": "not-indexed"},
        {"uri": deleted, "reason": "deleted"},
        {"uri": invalid, "reason": "invalid"},
        {"uri": nobody, "reason": "not-indexed"},
    ]


async def test_a_track_that_is_not_there_is_told_from_one_that_is_hidden(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    never = "at://did:plc:alice/fm.plyr.track/never"
    assert await client.refusal("feed.getTrack", uri=never) == "TrackNotFound"
    await rows.delete(uri)
    assert await client.refusal("feed.getTrack", uri=uri) == "TrackNotFound"


async def test_a_handle_in_a_uri_is_answered_with_the_did(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    by_handle = uri.replace("did:plc:alice", "Alice.Test")
    assert (await client.ask("feed.getTrack", uri=by_handle))["track"]["uri"] == uri
    answer = await client.ask("feed.getTracks", uris=[by_handle, uri])
    assert [track["uri"] for track in answer["tracks"]] == [uri]


async def test_an_accounts_tracks_in_each_order(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob", "carol"):
        await rows.account(name)
    first = await rows.track("alice", sort_at=at(1))
    second = await rows.track("alice", sort_at=at(2), features=["did:plc:alice"])
    third = await rows.track("bob", sort_at=at(3), features=["did:plc:alice"])
    await rows.like("bob", first)
    await rows.like("bob", third)
    await rows.like("carol", third)

    async def ask(**params: str) -> list[str]:
        answer = await client.ask("feed.getActorTracks", actor="alice.test", **params)
        return [item["track"]["uri"] for item in answer["feed"]]

    assert await ask() == [second, first]
    assert await ask(sort="oldest") == [first, second]
    assert await ask(sort="top") == [first, second]
    assert await ask(includeFeatures="true") == [third, second, first]
    assert await ask(includeFeatures="true", sort="oldest") == [first, second, third]
    assert await ask(includeFeatures="true", sort="top") == [third, first, second]
