"""A blob that its PDS does not have: the track says so, and plays again when it is there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appview.playback.missing import Missing
from lexicons.cid import parse_cid
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, Rows
from tests.appview.stage import Scene, staged
from tests.network.http import status

ALICE = "did:plc:alice"
CDN = "https://audio.plyr.fm/audio/a.mp3"


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path, servers=1) as scene:
        yield scene


async def noted(rows: Rows) -> list[tuple[str, str, int]]:
    found = await rows.pool.fetch("select did, cid, asks from media.missing_blob")
    return [tuple(row) for row in found]


async def missing(rows: Rows, asks: int = 2) -> None:
    await rows.insert("media.missing_blob", did=ALICE, cid=AN_AUDIO_CID, asks=asks)


@pytest.mark.parametrize(
    ("code", "error", "is_noted"),
    [
        (400, "BlobNotFound", True),
        (404, "NotFound", True),
        (400, "RepoDeactivated", False),
        (503, "Busy", False),
    ],
)
async def test_what_its_pds_does_not_have_is_noted_once(
    scene: Scene, code: int, error: str, is_noted: bool
) -> None:
    scene.upstream(status(code, error=error))
    assert (await scene.get()).status_code == 502
    assert await noted(scene.rows) == ([(scene.alice.did, scene.cid, 1)] if is_noted else [])
    scene.blobs[0].media._failed.clear()
    assert (await scene.get()).status_code == 502
    assert {asks for _, _, asks in await noted(scene.rows)} <= {1}, "to ask often proves nothing"


async def test_what_came_is_missing_no_more(scene: Scene) -> None:
    scene.upstream(status(404), times=1)
    assert (await scene.get()).status_code == 502
    scene.blobs[0].media._failed.clear()
    assert (await scene.get()).content == scene.audio
    await Missing(scene.rows.pool).came(parse_cid(scene.cid))
    assert await noted(scene.rows) == []


async def test_one_no_says_nothing_yet(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    await missing(rows, asks=1)
    view = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert view["playability"] == "playable"
    assert view["sources"][0]["status"] == "unknown"


async def test_a_track_whose_blob_is_missing_does_not_play_anywhere(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice", pds="https://pds.test")
    uri = await rows.track("alice")
    listed = await rows.list("alice", (uri,))
    await missing(rows)
    view = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert (view["playability"], view["reason"]) == ("unavailable", "source-dead")
    assert [source["status"] for source in view["sources"]] == ["dead", "dead"]
    assert all(source["checkedAt"] for source in view["sources"])
    track = (await client.ask("feed.getTrack", uri=uri))["track"]
    assert (track["playability"], "stream" in track) == ("unavailable", False)
    assert (await client.ask("feed.getLatest", playable="true"))["feed"] == []
    (found,) = (await client.ask("library.getLists", uris=[listed]))["lists"]
    assert found["playableCount"] == 0
    _, _, did, _, rkey = uri.split("/")
    followed = await client.http.get(f"/stream/{did}/{rkey}")
    assert (followed.status_code, followed.json()["error"]) == (404, "TrackUnavailable")
    await rows.pool.execute("delete from media.missing_blob")
    assert (await client.ask("feed.getTrack", uri=uri))["track"]["playability"] == "playable"
    assert len((await client.ask("feed.getLatest", playable="true"))["feed"]) == 1


async def test_a_trusted_host_stands_in_for_a_blob_that_is_missing(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", audio_url=CDN)
    await missing(rows)
    view = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert (view["playability"], view["reason"]) == ("pending", "not-checked")
    await rows.check_source(uri, "ok")
    view = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert view["playability"] == "playable"
    _, _, did, _, rkey = uri.split("/")
    assert (await client.http.get(f"/stream/{did}/{rkey}")).headers["location"] == CDN
    await rows.check_source(uri, "dead")
    view = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert (view["playability"], view["reason"]) == ("unavailable", "source-dead")


async def test_the_blob_of_another_account_is_another_matter(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob"):
        await rows.account(name)
    uri = await rows.track("bob")
    await missing(rows)
    view: dict[str, Any] = (await client.ask("playback.getPlayback", uri=uri))["playback"]
    assert view["playability"] == "playable"


async def test_a_picture_that_is_missing_concerns_no_track(rows: Rows) -> None:
    await rows.account("alice")
    await Missing(rows.pool).note(ALICE, AN_AUDIO_CID)  # type: ignore[arg-type]
    assert await noted(rows) == []
