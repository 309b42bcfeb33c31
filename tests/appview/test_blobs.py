"""fm.plyr.playback.getBlob: proven, seekable, and never more than may be had."""

import asyncio
import math
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest
from starlette.responses import Response, StreamingResponse

from appview.app import create_app
from appview.context import AppSettings
from appview.media import metrics
from appview.media.blobs import open_blobs
from appview.media.disk import Disk
from appview.media.filling import Broken, Pace
from appview.media.media import filling_name
from appview.media.sources import Sources
from lexicons.catalog import load_catalog
from lexicons.cid import Cid, parse_cid
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.served import served
from tests.appview.stage import (
    GET_BLOB,
    MANY,
    Player,
    Scene,
    a_second_later,
    flipped,
    in_two_pieces,
    noise,
    players,
    staged,
    whole,
)
from tests.indexer.tools import tools
from tests.network.http import (
    Answer,
    Fault,
    HttpServer,
    endless,
    held,
    redirect,
    rewritten,
    status,
)
from tests.support import http_client, wait_until


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path) as scene:
        yield scene


async def test_the_first_listener_gets_it_while_it_comes_and_the_next_from_the_cache(
    scene: Scene,
) -> None:
    first = await scene.get()
    assert (first.status_code, first.content) == (200, scene.audio)
    assert first.headers["cache-control"] == "no-store"
    assert "etag" not in first.headers
    await wait_until(scene.kept)
    second = await scene.get(server=1)
    assert (second.status_code, second.content) == (200, scene.audio)
    assert second.headers["etag"] == f'"{scene.cid}"'
    assert second.headers["cache-control"] == "public, no-cache"
    assert second.headers["accept-ranges"] == "bytes"
    assert second.headers["content-type"] == "audio/mpeg"
    assert scene.fetches == 1


async def test_strangers_bytes_run_nothing_and_can_be_read_by_any_player(scene: Scene) -> None:
    headers = (await scene.get()).headers
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    exposed = headers["access-control-expose-headers"]
    assert {"content-range", "accept-ranges", "content-length", "etag"} <= set(exposed.split(", "))


async def test_parts_conditions_and_heads_of_what_is_kept(scene: Scene) -> None:
    await scene.get()
    size, etag = len(scene.audio), f'"{scene.cid}"'
    part = await scene.get({"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, scene.audio[:2])
    assert part.headers["content-range"] == f"bytes 0-1/{size}"
    assert part.headers["content-length"] == "2"
    assert (await scene.get({"range": "bytes=-7"})).content == scene.audio[-7:]
    assert (await scene.get({"if-none-match": etag})).status_code == 304
    behind = await scene.get({"range": f"bytes={size}-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{size}")
    other = await scene.get({"range": "bytes=0-1", "if-range": '"another"'})
    assert (other.status_code, len(other.content)) == (200, size)
    head = await scene.server.head(GET_BLOB, params=scene.params, headers={"range": "bytes=5-9"})
    assert (head.status_code, head.content) == (206, b"")
    assert head.headers["content-length"] == "5"
    assert (await scene.server.head(GET_BLOB, params=scene.params)).headers["etag"] == etag


async def test_ten_thousand_ranges_are_the_bytes_of_the_blob(pool: Pool, tmp_path: Path) -> None:
    """While it comes and when it is there, from two servers at once."""
    async with staged(pool, tmp_path, size=3_000_000) as scene, players(scene, 4) as listening:
        chance = random.Random(7)

        async def listen(player: Player, times: int, below: int) -> None:
            for _ in range(times):
                start = chance.randrange(below)
                stop = chance.randint(start + 1, min(start + 20_000, below))
                assert await player.part(start, stop) == scene.audio[start:stop]

        go_on = asyncio.Event()
        scene.upstream(in_two_pieces(scene.audio, 1_500_000, go_on))
        await asyncio.gather(*(listen(player, 250, 1_300_000) for player in listening))
        assert not scene.kept()
        late = [asyncio.create_task(listen(player, 1_000, 3_000_000)) for player in listening]
        go_on.set()
        await asyncio.gather(*late)
        assert scene.kept()
        assert scene.fetches == 1


async def test_a_thousand_listeners_of_a_cold_blob_cost_one_fetch(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, size=200_000) as scene, players(scene, 500) as listening:
        heard = await asyncio.gather(*(player.part(0, 200_000) for player in listening))
        assert set(heard) == {scene.audio}
        assert scene.fetches == 1


async def test_a_source_that_does_not_say_how_much_comes(scene: Scene) -> None:
    go_on = asyncio.Event()
    scene.upstream(in_two_pieces(scene.audio, 500_000, go_on, sized=False))
    whole = asyncio.create_task(scene.get())
    part = asyncio.create_task(scene.get({"range": "bytes=-3"}))
    await wait_until(lambda: scene.fetches)
    go_on.set()
    assert (await whole).content == scene.audio
    assert (await part).content == scene.audio, "of what, nobody knows yet"
    assert (await scene.get({"range": "bytes=-3"})).content == scene.audio[-3:]


@pytest.mark.parametrize(
    "lie",
    [flipped, lambda data: data[:-1], lambda data: data + b"\x00", lambda _: b"", lambda _: b"x"],
    ids=["a bit", "the end cut off", "one byte more", "nothing", "something else"],
)
async def test_a_wrong_blob_is_never_whole_and_never_kept(
    scene: Scene, lie: Callable[[bytes], bytes]
) -> None:
    scene.upstream(rewritten(lie), times=2)
    try:
        answer = await scene.get()
    except httpx.RemoteProtocolError:
        pass  # some of it, and then the end of the connection
    else:
        assert (answer.status_code, answer.json()["error"]) == (502, "UpstreamUnavailable")
    assert not scene.kept()
    await wait_until(lambda: not scene.parts())


async def test_who_heard_the_beginning_of_a_wrong_blob_is_cut_off(scene: Scene) -> None:
    got = bytearray()
    go_on = asyncio.Event()
    scene.upstream(in_two_pieces(flipped(scene.audio), 900_000, go_on))
    with pytest.raises(httpx.RemoteProtocolError):
        async with scene.server.stream("GET", GET_BLOB, params=scene.params) as answer:
            assert answer.status_code == 200
            async for chunk in answer.aiter_raw():
                got += chunk
                go_on.set()
    assert 0 < len(got) <= len(scene.audio) - (64 << 10)
    await wait_until(lambda: not scene.parts())
    assert not scene.kept()


def claiming(length: int, data: bytes) -> Fault:
    """An answer that says how long it is, and is not."""

    async def answered(_: Answer) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield data[:300_000]
            yield data[300_000:]

        return StreamingResponse(pieces(), headers={"content-length": str(length)})

    return answered


@pytest.mark.parametrize(
    ("length", "sent"),
    [(1_000_000, 999_999), (1_000_000, 300_000), (1_500_000, 1_000_000), (999_999, 1_000_000)],
    ids=["a byte less", "cut in the middle", "all and no more", "a byte more"],
)
async def test_who_hears_a_source_that_lies_about_its_length_is_cut_off(
    scene: Scene, length: int, sent: int
) -> None:
    scene.upstream(claiming(length, scene.audio[:sent]), times=1)
    with suppress(httpx.RemoteProtocolError):
        assert (await scene.get()).status_code == 502
    await wait_until(lambda: not scene.parts())
    assert not scene.kept()
    assert (await scene.get(server=1)).content == scene.audio, "the next one asks again"


async def test_a_pds_that_is_gone_takes_only_what_was_not_kept_with_it(scene: Scene) -> None:
    assert (await scene.get()).status_code == 200
    audio = noise(100_000, seed=4)
    cid = str(scene.alice.pds.add_blob(scene.alice.did, audio, "audio/mpeg")["ref"])
    await scene.rows.track(scene.alice.did, audio_cid=cid)
    await scene.alice.pds.close()
    answer = await scene.server.get(GET_BLOB, params={"did": scene.alice.did, "cid": cid})
    assert (answer.status_code, answer.json()["error"]) == (502, "UpstreamUnavailable")
    assert "retry-after" in answer.headers
    assert (await scene.get(server=1)).content == scene.audio
    await scene.alice.pds.open()
    other = await scene.servers[1].get(GET_BLOB, params={"did": scene.alice.did, "cid": cid})
    assert other.content == audio


async def test_who_waits_for_a_slow_host_is_told_and_the_blob_still_comes(
    pool: Pool, tmp_path: Path
) -> None:
    go_on = asyncio.Event()
    async with staged(pool, tmp_path, servers=1, pace=Pace(patience_seconds=0.05)) as scene:
        scene.upstream(held(go_on))
        answer = await scene.get()
        assert (answer.status_code, answer.json()["error"]) == (502, "UpstreamUnavailable")
        go_on.set()
        await wait_until(scene.kept)
        assert (await scene.get()).content == scene.audio
        assert scene.fetches == 1


async def test_a_server_that_ends_while_it_fetches_leaves_that_to_another(scene: Scene) -> None:
    scene.upstream(in_two_pieces(scene.audio, 500_000, asyncio.Event()), times=1)
    async with players(scene, 1) as listening:
        for player in listening:
            assert await player.part(0, 1_000) == scene.audio[:1_000]
    await scene.blobs[0].media.close()

    async def heals() -> bool:
        """Who asked before the end was noticed is cut off, too."""
        try:
            return (await scene.get(server=1)).content == scene.audio
        except httpx.RemoteProtocolError:
            return False

    await wait_until(heals)
    assert scene.fetches == 2


async def test_after_a_fault_the_next_request_heals(pool: Pool, tmp_path: Path) -> None:
    async with staged(pool, tmp_path, servers=1) as scene:
        scene.upstream(status(500, error="Broken"), times=1)
        assert (await scene.get()).status_code == 502
        assert (await scene.get()).status_code == 502, "its host is left in peace for a moment"
        assert scene.fetches == 1
    async with staged(pool, tmp_path / "later", servers=1) as scene:
        assert (await scene.get()).content == scene.audio


async def test_an_endless_blob_is_bounded(scene: Scene) -> None:
    scene.upstream(endless())
    with pytest.raises(httpx.RemoteProtocolError):
        await scene.get()
    await wait_until(lambda: not scene.parts())


async def test_a_host_that_only_trickles_does_not_keep_its_place(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, pace=Pace(1 << 40, 0.0), servers=1) as scene:
        scene.upstream(in_two_pieces(scene.audio, 1_000, asyncio.Event()))
        with pytest.raises(httpx.RemoteProtocolError):
            await scene.get()
        await wait_until(lambda: not scene.parts())


async def test_a_pds_that_was_left_is_not_the_last_word(scene: Scene) -> None:
    await scene.get()  # now the address is remembered
    other = await scene.world.another_pds()
    audio = noise(300_000, seed=2)
    cid = str(other.add_blob(scene.alice.did, audio, "audio/mpeg")["ref"])
    await scene.alice.move_to(other)
    await scene.rows.track(scene.alice.did, audio_cid=cid)
    params = {"did": scene.alice.did, "cid": cid}
    assert (await scene.server.get(GET_BLOB, params=params)).content == audio


async def test_what_no_record_that_is_shown_references_is_not_even_asked_for(scene: Scene) -> None:
    secret = scene.alice.pds.add_blob(scene.alice.did, noise(1_000, seed=3), "audio/mpeg")
    bob = await scene.rows.account("bob")
    for params in (
        {"did": scene.alice.did, "cid": str(secret["ref"])},
        {"did": bob, "cid": scene.cid},
        {"did": "did:plc:nobody", "cid": scene.cid},
    ):
        answer = await scene.server.get(GET_BLOB, params=params)
        assert (answer.status_code, answer.json()["error"]) == (400, "BlobNotFound")
    assert scene.fetches == 0


async def test_what_is_for_supporters_is_not_handed_out(scene: Scene) -> None:
    await scene.rows.pool.execute("update track set gate_type = 'any'")
    assert (await scene.get()).json()["error"] == "BlobNotFound"
    assert scene.fetches == 0


@pytest.mark.parametrize("subject", ["account", "record", "blob", "blob of another"])
async def test_what_is_taken_down_is_gone_at_once_from_the_cache_too(
    scene: Scene, subject: str
) -> None:
    assert (await scene.get()).status_code == 200
    if subject == "account":
        await scene.rows.hide(scene.alice.did)
    else:
        names = {"record": scene.uri, "blob": f"{scene.alice.did}/{scene.cid}"}
        await scene.rows.take_down(names.get(subject, f"did:plc:thief/{scene.cid}"))
    expected = "BlobTakedown" if "blob" in subject else "BlobNotFound"
    await a_second_later()
    answer = await scene.get({"range": "bytes=0-1"})
    assert (answer.status_code, answer.json()["error"]) == (400, expected)


async def test_a_record_that_lies_about_its_type_is_not_believed(scene: Scene) -> None:
    await scene.rows.pool.execute("update track set audio_mime = 'text/html'")
    assert (await scene.get()).headers["content-type"] == "audio/mpeg"


async def test_what_nobody_knows_is_handed_out_as_a_file(scene: Scene) -> None:
    page = b"<html><script>alert(1)</script></html>"
    blob = scene.alice.pds.add_blob(scene.alice.did, page, "text/html")
    await scene.rows.track(scene.alice.did, audio_cid=str(blob["ref"]), audio_mime="text/html")
    params = {"did": scene.alice.did, "cid": str(blob["ref"])}
    headers = (await scene.server.get(GET_BLOB, params=params)).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == "attachment"


async def test_no_redirect_leads_into_our_own_network(pool: Pool, tmp_path: Path) -> None:
    class Secrets(HttpServer):
        async def answer(self, *_: object) -> Response:
            return Response(b"secret")

    inside = Secrets()
    await inside.open()
    async with staged(pool, tmp_path) as scene:
        pds = scene.alice.pds
        async with tools(pool, scene.world.directory.url) as given:
            client = given.client.trusting(pds.url)
            sources = Sources(
                given.resolver, replace(given.remote, client=client), client, 50_000_000
            )
            scene.upstream(redirect(f"{inside.url}/secret"))
            async with open_blobs(Disk(tmp_path / "other", MANY, 0), sources) as blobs:
                settings = AppSettings("https://music.test", "1", tmp_path)
                app = create_app(settings, pool, load_catalog(), None, blobs=blobs)
                async with served(app) as url, http_client(url) as client_:
                    answer = await client_.get(GET_BLOB, params=scene.params)
                    assert answer.json()["error"] == "UpstreamUnavailable"
    assert not inside.asked
    await inside.close()


async def test_the_bound_of_the_cache_holds_and_the_least_used_go_first(
    pool: Pool, tmp_path: Path
) -> None:
    bound = 2_500_000
    disk = Disk(tmp_path / "media", bound, 0)
    async with staged(pool, tmp_path, disks=[disk]) as scene:
        cids = [scene.cid]
        for seed in range(2, 6):
            blob = scene.alice.pds.add_blob(scene.alice.did, noise(1_000_000, seed), "audio/mpeg")
            cids.append(str(blob["ref"]))
            await scene.rows.track(scene.alice.did, audio_cid=cids[-1])
        for cid in cids:
            params = {"did": scene.alice.did, "cid": cid}
            assert (await scene.server.get(GET_BLOB, params=params)).status_code == 200
            assert sum(path.stat().st_size for path in scene.kept()) <= bound
        await wait_until(lambda: {path.name for path in scene.kept()} == set(cids[-2:]))


async def test_who_wants_to_know_is_told_once_of_each_blob_that_came(
    pool: Pool, tmp_path: Path
) -> None:
    heard: list[tuple[str, bytes]] = []

    async def hear(cid: Cid, file: BinaryIO) -> None:
        heard.append((str(cid), await asyncio.to_thread(file.read)))

    async with staged(pool, tmp_path, told=hear) as scene:
        await asyncio.gather(scene.get(), scene.get(server=1), scene.get())
        await wait_until(lambda: heard)
        await scene.get()
    assert heard == [(scene.cid, scene.audio)]


async def test_the_whole_of_a_blob_is_proven_before_anybody_works_on_it(scene: Scene) -> None:
    did, cid = Did(scene.alice.did), parse_cid(scene.cid)
    scene.upstream(rewritten(flipped), times=1)
    with pytest.raises(Broken):
        await whole(scene.blobs[0], did, cid)
    await wait_until(lambda: not scene.parts())
    assert await whole(scene.blobs[1], did, cid) == scene.audio


async def test_what_was_made_of_blobs_is_kept_beside_them_within_the_same_bound(
    pool: Pool, tmp_path: Path
) -> None:
    disks = [Disk(tmp_path / "media", 1_500_000, 0) for _ in range(2)]
    async with staged(pool, tmp_path, disks=disks) as scene:
        one, other = scene.blobs
        await one.keep("thumb of a", b"a" * 500_000)
        assert await other.kept("thumb of a") == b"a" * 500_000
        assert await other.kept("thumb of b") is None
        await scene.get()
        await wait_until(lambda: scene.cid in {path.name for path in scene.kept()})
        await one.keep("thumb of b", b"b" * 1_000_000)
        assert await other.kept("thumb of a") is None
        assert await other.kept("thumb of b") == b"b" * 1_000_000
        await one.keep("thumb of c", b"c" * 2_000_000)
        assert await other.kept("thumb of c") is None
        assert not scene.parts()


async def test_a_full_disk_pauses_the_cache_and_nothing_else(pool: Pool, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "media", MANY, min_free_bytes=1 << 60)
    async with staged(pool, tmp_path, disks=[disk]) as scene:
        answer = await scene.get()
        assert (answer.status_code, answer.json()["error"]) == (502, "UpstreamUnavailable")
        assert not scene.parts()
        assert (await scene.server.get("/xrpc/_health")).status_code == 200


KILLED_WHILE_FILLING = """
import os, signal, sys
from pathlib import Path
from appview.media.disk import Disk
disk = Disk(Path(sys.argv[1]), 1 << 40, 0)
disk.open()
part = disk.begin(sys.argv[2])
disk.reserve(sys.argv[2], 5_000_000, 5_000_000)
part.write(b"wrong" * 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_kill_9_while_filling_leaves_nothing_that_the_next_request_does_not_heal(
    scene: Scene,
) -> None:
    name = filling_name(parse_cid(scene.cid), Did(scene.alice.did))
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED_WHILE_FILLING, str(scene.folder), name],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert scene.parts()
    assert (await scene.get()).content == scene.audio
    assert (await scene.get()).headers["etag"] == f'"{scene.cid}"'
    await wait_until(lambda: not scene.parts())


def test_a_start_on_a_full_disk_forgets_what_a_crash_left(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 1_000, 0)
    disk.open()
    disk.begin("half").close()  # as a crash does
    disk.close()
    full = Disk(tmp_path, 1_000, min_free_bytes=1 << 60)
    full.open()
    assert not list((tmp_path / "parts").iterdir())
    full.close()


def test_a_blob_that_another_server_forgets_meanwhile_keeps_none_from_starting(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "blobs" / "aa" / "aaa"
    gone.parent.mkdir(parents=True)
    gone.symlink_to(tmp_path / "nothing")  # listed, and not there when it is looked at
    disk = Disk(tmp_path, 1_000, 0)
    disk.open()
    assert disk.names() == []
    disk.close()


def test_a_start_forgets_what_a_crash_left_and_finds_what_it_kept(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 1_000, 0)
    disk.open()
    part = disk.begin("half")
    disk.reserve("half", 900, 900)
    part.close()  # as a crash does
    disk.close()
    again = Disk(tmp_path, 1_000, 0)
    again.open()
    assert not list((tmp_path / "parts").iterdir())
    whole = again.begin("whole")
    again.reserve("whole", 900, 900)
    whole.write(b"a" * 900)
    again.keep("whole", whole)
    again.end("whole", whole)
    found = again.find("whole")
    assert found is not None
    with found:
        assert found.read() == b"a" * 900
    again.close()


def test_figures_are_told_though_the_cache_is_out_of_order_or_closed(tmp_path: Path) -> None:
    def held() -> float | None:
        generate_latest()
        return REGISTRY.get_sample_value("plyr_media_cache_bytes")

    disk = Disk(tmp_path, 1 << 20, 0)
    disk.open()
    metrics.weigh(disk)
    assert held() == 0
    with closing(sqlite3.connect(tmp_path / "index.sqlite3")) as index:
        index.execute("drop table kept")
    assert math.isnan(held() or 0)
    metrics.weigh(None)
    disk.close()
    assert math.isnan(held() or 0)
