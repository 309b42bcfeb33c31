"""Where a track can be had: for every state, in views and behind its short address."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appview.playback.facts import FactReader
from appview.playback.sources import sources
from appview.rules import Trust
from migrations.database import Pool
from tests.appview import world
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, Rows, at
from tests.appview.stage import staged
from tests.appview.world import question
from tests.network.http import status
from tests.support import wait_until

ALICE = "did:plc:alice"
CDN = "https://audio.plyr.fm/audio/a.mp3"
STRANGER = "https://evil.test/a.mp3"
PDS = "https://pds.test"
PLAYBACK = "/xrpc/fm.plyr.playback.getPlayback"
OURS = f"https://music.test/xrpc/fm.plyr.playback.getBlob?did={ALICE}&cid={AN_AUDIO_CID}"
AT_PDS = f"{PDS}/xrpc/com.atproto.sync.getBlob?did={ALICE}&cid={AN_AUDIO_CID}"


async def playback(client: Client, uri: str) -> dict[str, Any]:
    view: dict[str, Any] = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    return view


def urls(view: dict[str, Any]) -> list[str]:
    return [source["url"] for source in view["sources"]]


def stream_of(uri: str) -> str:
    _, _, did, _, rkey = uri.split("/")
    return f"/stream/{did}/{rkey}"


async def followed(client: Client, uri: str) -> httpx.Response:
    return await client.http.get(stream_of(uri))


async def test_a_blob_comes_through_here_or_from_its_pds(client: Client, rows: Rows) -> None:
    await rows.account("alice", pds=PDS)
    uri = await rows.track("alice", audio_mime="audio/x-wav", audio_size=5, duration_ms=1)
    view = await playback(client, uri)
    assert (view["playability"], view["title"], view["durationMs"]) == ("playable", "Song", 1)
    ours, theirs = view["sources"]
    assert ours == {
        "url": OURS,
        "kind": "appview-blob",
        "mimeType": "audio/wav",
        "size": 5,
        "cid": AN_AUDIO_CID,
        "integrity": "cid-verified",
        "ranges": True,
        "cors": True,
        "status": "unknown",
    }
    assert (theirs["url"], theirs["kind"]) == (AT_PDS, "pds-blob")
    assert (theirs["integrity"], theirs["ranges"]) == ("cid-declared", False)


async def test_the_short_address_of_a_did_with_a_port_leads_to_its_track(
    client: Client, rows: Rows
) -> None:
    await rows.account("did:web:localhost%3A8000", handle="local.test")
    uri = await rows.track("did:web:localhost%3A8000", audio_url=None)
    track = (await client.ask("feed.getTrack", uri=uri))["track"]
    assert (await client.http.head(track["stream"])).status_code == 302


async def test_what_the_bytes_say_of_themselves_goes_before_the_record(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", audio_mime="audio/mpeg", audio_size=5, duration_ms=1)
    await rows.insert(
        "media.audio_fact",
        cid=AN_AUDIO_CID,
        size=7,
        mime_type="audio/flac",
        codec="flac",
        lossless=True,
        duration_ms=214_000,
        bitrate=900_000,
        sample_rate=44_100,
        channels=2,
        read_at=at(5),
    )
    view = await playback(client, uri)
    (source,) = view["sources"]
    assert view["durationMs"] == 214_000
    assert (source["mimeType"], source["codec"], source["lossless"]) == ("audio/flac", "flac", True)
    assert (source["bitrate"], source["sampleRate"], source["channels"]) == (900_000, 44_100, 2)
    assert (source["size"], source["status"]) == (7, "ok")
    assert source["checkedAt"] == "2026-01-01T00:00:05Z"
    for method, params in (("feed.getTrack", {"uri": uri}), ("feed.getTracks", {"uris": [uri]})):
        answer = await client.ask(method, **params)
        track = answer["track"] if "track" in answer else answer["tracks"][0]
        assert track["durationMs"] == 214_000
    listed = await rows.list("alice", (uri, uri))
    (found,) = (await client.ask("library.getLists", uris=[listed]))["lists"]
    assert found["durationMs"] == 428_000


async def test_R31_a_trusted_url_is_a_source_as_good_as_its_last_check(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice", pds=PDS)
    uri = await rows.track("alice", audio_url=CDN)
    assert urls(await playback(client, uri)) == [OURS, AT_PDS, CDN]
    await rows.check_source(uri, "ok", ranges=True, cors=True, mime_type="audio/mpeg", size=9)
    view = await playback(client, uri)
    assert urls(view) == [OURS, CDN, AT_PDS]
    at_cdn = view["sources"][1]
    assert at_cdn.pop("checkedAt")
    assert at_cdn == {
        "url": CDN,
        "kind": "cdn",
        "mimeType": "audio/mpeg",
        "size": 9,
        "integrity": "unverified",
        "ranges": True,
        "cors": True,
        "status": "ok",
    }
    await rows.check_source(uri, "dead")
    view = await playback(client, uri)
    assert (urls(view), view["sources"][-1]["status"]) == ([OURS, AT_PDS, CDN], "dead")
    assert (await followed(client, uri)).headers["location"] == OURS


async def test_R31_nothing_but_a_url_waits_until_it_was_asked_for(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", audio_cid=None, audio_url=CDN)
    view = await playback(client, uri)
    assert (view["playability"], view["reason"]) == ("pending", "not-checked")
    assert "stream" not in (await client.ask("feed.getTrack", uri=uri))["track"]
    response = await followed(client, uri)
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    await rows.check_source(uri, "ok")
    view = await playback(client, uri)
    assert (view["playability"], urls(view), "reason" in view) == ("playable", [CDN], False)
    response = await followed(client, uri)
    assert (response.status_code, response.headers["location"]) == (302, CDN)
    await rows.check_source(uri, "dead")
    view = await playback(client, uri)
    assert (view["playability"], view["reason"]) == ("unavailable", "source-dead")
    assert (await followed(client, uri)).status_code == 404


async def test_an_address_in_letters_of_any_script_can_be_followed(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track(
        "alice", audio_cid=None, audio_url="https://audio.plyr.fm/歌%20\x85é.mp3"
    )
    await rows.check_source(uri, "ok")
    response = await followed(client, uri)
    location = "https://audio.plyr.fm/%E6%AD%8C%20%C2%85%C3%A9.mp3"
    assert (response.status_code, response.headers["location"]) == (302, location)


async def test_R30_a_strangers_address_leads_nowhere(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", audio_cid=None, audio_url=STRANGER)
    await rows.check_source(uri, "ok")
    view = await playback(client, uri)
    assert (view["playability"], view["reason"]) == ("unavailable", "no-audio")
    assert view["sources"] == []
    response = await followed(client, uri)
    assert (response.status_code, "location" in response.headers) == (404, False)
    assert "evil.test" not in response.text


async def test_R35_a_check_of_what_a_track_named_before_says_nothing_of_it_now(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", audio_cid=None, audio_url=CDN)
    await rows.check_source(uri, "ok")
    await rows.pool.execute("update track set audio_url = $1 where uri = $2", CDN + "x", uri)
    assert (await playback(client, uri))["playability"] == "pending"
    await rows.pool.execute("update track set audio_url = null where uri = $1", uri)
    assert await rows.pool.fetchval("select count(*) from media.source_check") == 0


async def test_a_gate_says_where_to_go_and_gives_nothing(client: Client, rows: Rows) -> None:
    await rows.account("alice", pds=PDS)
    uri = await rows.track("alice", audio_url=CDN, gate_type="any")
    await rows.check_source(uri, "ok")
    view = await playback(client, uri)
    assert (view["playability"], view["reason"], view["sources"]) == ("gated", "gate", [])
    page = "https://plyr.fm/at/" + uri.removeprefix("at://")
    assert view["authorization"] == {"gate": "any", "url": page}
    response = await followed(client, uri)
    assert (response.status_code, "location" in response.headers) == (403, False)
    assert page in response.json()["message"]


async def test_R36_a_blob_that_is_taken_down_is_had_from_nobody(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob"):
        await rows.account(name, pds=PDS)
    tracks = [await rows.track(name, audio_url=CDN) for name in ("alice", "bob")]
    await rows.take_down(f"{ALICE}/{AN_AUDIO_CID}")
    for uri in tracks:
        view = await playback(client, uri)
        assert (view["playability"], view["reason"]) == ("taken-down", "blob-taken-down")
        assert view["sources"] == []
        assert (await followed(client, uri)).status_code == 404


async def test_what_is_hidden_leads_nowhere_from_that_moment_on(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    response = await followed(client, uri)
    assert (response.status_code, response.headers["cache-control"]) == (302, "no-store")
    assert response.headers["location"] == OURS
    assert (await client.http.head(stream_of(uri))).headers["location"] == OURS
    await rows.hide("alice")
    assert (await followed(client, uri)).status_code == 404
    assert await client.refusal("playback.getPlayback", uri=uri) == "TrackUnavailable"
    nobody = uri.replace("alice", "nobody")
    assert await client.refusal("playback.getPlayback", uri=nobody) == "TrackNotFound"
    answer = await client.ask("playback.getPlaybacks", uris=[uri, nobody])
    assert answer["playbacks"] == []
    assert [item["reason"] for item in answer["missing"]] == ["account-inactive", "not-indexed"]


async def test_playbacks_come_in_the_order_asked_for_by_handle_too(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice") for _ in range(3)]
    by_handle = [uri.replace(ALICE, "alice.test") for uri in reversed(tracks)]
    answer = await client.ask("playback.getPlaybacks", uris=by_handle)
    assert [view["uri"] for view in answer["playbacks"]] == tracks[::-1]


async def test_any_page_may_follow_the_short_address(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    response = await client.http.options(
        stream_of(uri), headers={"access-control-request-headers": "range"}
    )
    assert (response.status_code, response.headers["access-control-allow-headers"]) == (
        204,
        "range",
    )
    assert (await followed(client, uri)).headers["access-control-allow-origin"] == "*"
    assert (await client.http.post(stream_of(uri))).status_code == 405


# the way to the bytes -------------------------------------------------------------------------


async def test_whoever_follows_the_short_address_finds_the_sound_on_its_way(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, servers=1) as scene:
        response = await scene.server.get(stream_of(scene.uri))
        assert response.status_code == 302
        target = httpx.URL(response.headers["location"]).raw_path.decode()
        assert (await scene.server.get(target)).content == scene.audio
        assert scene.fetches == 1


async def test_R31_what_its_pds_no_longer_gives_a_trusted_host_may(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, servers=1) as scene:
        scene.upstream(status(404, error="BlobNotFound"))
        response = await scene.server.get(stream_of(scene.uri))
        assert (response.status_code, response.headers["retry-after"]) == (502, "30")
        await pool.execute("update track set audio_url = $1", CDN)
        assert (await scene.server.get(stream_of(scene.uri))).headers["location"] == CDN
        await scene.rows.check_source(scene.uri, "dead")
        assert (await scene.server.get(stream_of(scene.uri))).status_code == 502
        fetches = scene.fetches
        assert (await scene.server.head(stream_of(scene.uri))).status_code == 302
        assert scene.fetches == fetches


async def test_what_was_heard_once_is_measured(pool: Pool, tmp_path: Path) -> None:
    facts = FactReader(pool)
    async with staged(pool, tmp_path, servers=1, told=facts.note) as scene:
        await scene.get()

        async def is_known() -> bool:
            return bool(await pool.fetchval("select trouble from media.audio_fact"))

        await wait_until(is_known)  # it is noise
        source = (await scene.server.get(PLAYBACK, params={"uri": scene.uri})).json()
        assert source["playback"]["sources"][0]["status"] == "ok"


async def test_what_nobody_measured_when_it_came_is_measured_at_the_next_start(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, servers=1) as scene:
        await scene.get()
        await wait_until(lambda: bool(scene.kept()))
        (blobs,) = scene.blobs
        await blobs.keep("a picture", b"of something")
        await FactReader(pool).catch_up(blobs.media.disk)
        rows = await pool.fetch("select cid, size from media.audio_fact")
        assert [tuple(row) for row in rows] == [(scene.cid, len(scene.audio))]


# any record -----------------------------------------------------------------------------------

PAGES = ("track", "list", "embed/track", "embed/list", "stream")
HOSTS = ("audio.plyr.fm", "audio.plyr.fm.evil.test", "evil.test", "audio.plyr.fm@evil.test", "")
TRUST = Trust.of("https://music.test", ("audio.plyr.fm",))
ADDRESSES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "//", "HTTPS://", "https:", "javascript:", "\\\\"]),
    st.sampled_from(HOSTS) | st.text(max_size=10),
    st.sampled_from(["/a.mp3", ":443/a", "@x/", "\\@x/", "", "/../b"]),
)


@given(
    url=st.none() | ADDRESSES,
    cid=st.none() | st.just(AN_AUDIO_CID),
    status=st.sampled_from([None, "ok", "dead", "unknown"]),
    max_blob_bytes=st.sampled_from([None, 1, 10]),
)
def test_R30_no_source_is_ever_a_strangers(
    url: str | None, cid: str | None, status: str | None, max_blob_bytes: int | None
) -> None:
    row = dict.fromkeys(
        ("fact_mime", "fact_size", "codec", "lossless", "bitrate", "sample_rate", "channels",
         "read_at", "ranges", "cors", "url_mime", "url_size", "checked_at", "audio_mime")
    )  # fmt: skip
    row |= {
        "did": ALICE,
        "pds": PDS,
        "file_type": "mp3",
        "audio_size": 5,
        "audio_cid": cid,
        "audio_url": url,
        "check_status": status,
        "audio_missing": False,
    }
    for source in sources(row, TRUST, max_blob_bytes):
        told = httpx.URL(source["url"])
        assert (told.scheme, told.host) in {
            ("https", "music.test"),
            ("https", "pds.test"),
            ("https", "audio.plyr.fm"),
        }
        assert not told.userinfo


async def test_R30_R32_no_answer_at_all_has_an_address_of_strangers(
    client: Client, pool: Pool
) -> None:
    await world.fill(pool)
    await pool.execute(
        "update track set audio_url = $1, image_url = $1, audio_cid = null", STRANGER
    )
    await pool.execute("update media.source_check set status = 'ok'")
    await pool.execute("update profile set avatar = $1", STRANGER)
    asked = {
        f"/xrpc/{nsid}": question(client.catalog, nsid)
        for nsid, method in client.catalog.methods.items()
        if method.kind == "query" and nsid != "fm.plyr.playback.getBlob"
    }
    asked |= {f"/{kind}/{world.ALICE}/{world.rkey(1)}": {} for kind in PAGES}
    for path, params in asked.items():
        response = await client.http.get(path, params=params)
        assert response.status_code in {200, 404}, path
        assert "evil.test" not in response.text + str(response.headers), path


@pytest.mark.parametrize(
    "path",
    [
        "did:plc:alice/",
        "alice.test/3k",
        "did:plc:alice/..%2f..",
        "did:plc:alice/%00",
        "did:plc:alice/%ff",
        "x/y",
    ],
)
async def test_what_names_no_track_is_not_found(client: Client, path: str) -> None:
    assert (await client.http.get(f"/stream/{path}")).status_code == 404
