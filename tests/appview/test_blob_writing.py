"""A blob is hashed and written behind those who listen: they wait for neither."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import BinaryIO

import httpx
import pytest

from appview.media.disk import Disk
from appview.media.filling import UNWRITTEN_BYTES, Broken, Filling
from lexicons.cid import parse_cid
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.stage import GET_BLOB, MANY, Scene, flipped, noise, staged, whole
from tests.network.http import rewritten
from tests.support import wait_until
from xrpc.guard import READ_BYTES

LARGE = 3_000_000
PATIENCE_SECONDS = 30


class HeldUp(Disk):
    """Takes nothing, or keeps nothing, until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, MANY, 0)
        self.takes = Event()
        self.keeps = Event()

    def reserve(self, name: str, room: int, size: int | None) -> None:
        assert self.takes.wait(PATIENCE_SECONDS)
        super().reserve(name, room, size)

    def keep(self, name: str, file: BinaryIO) -> None:
        assert self.keeps.wait(PATIENCE_SECONDS)
        super().keep(name, file)


@pytest.fixture
def disk(tmp_path: Path) -> HeldUp:
    return HeldUp(tmp_path / "media")


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path, disk: HeldUp) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path, disks=[disk], size=LARGE) as scene:
        yield scene
        disk.takes.set()
        disk.keeps.set()


def filling(scene: Scene) -> Filling:
    (one,) = scene.blobs[0].media._fillings.values()
    return one


async def test_the_first_bytes_are_heard_before_the_disk_has_any(
    scene: Scene, disk: HeldUp
) -> None:
    disk.keeps.set()
    async with scene.server.stream("GET", GET_BLOB, params=scene.params) as answer:
        chunks = answer.aiter_raw()
        got = await anext(chunks)
        assert filling(scene).written == 0
        disk.takes.set()
        got += b"".join([chunk async for chunk in chunks])
    assert got == scene.audio
    await wait_until(lambda: [path.read_bytes() for path in scene.kept()] == [scene.audio])


async def test_what_waits_for_a_slow_disk_is_bounded(scene: Scene, disk: HeldUp) -> None:
    asked = asyncio.create_task(scene.get())
    await wait_until(lambda: scene.blobs[0].media._fillings)
    await wait_until(lambda: filling(scene).received >= UNWRITTEN_BYTES)
    assert (await scene.server.get("/xrpc/_health")).status_code == 200
    assert filling(scene).received < UNWRITTEN_BYTES + READ_BYTES
    disk.takes.set()
    disk.keeps.set()
    assert (await asked).content == scene.audio


async def test_whose_hash_is_right_is_heard_to_its_end_before_the_disk_has_confirmed_it(
    scene: Scene, disk: HeldUp
) -> None:
    disk.takes.set()
    assert (await scene.get()).content == scene.audio
    part = await scene.get({"range": "bytes=-7"})
    assert (part.content, part.headers["etag"]) == (scene.audio[-7:], f'"{scene.cid}"')
    assert not scene.kept()
    working = asyncio.create_task(whole(scene.blobs[0], Did(scene.alice.did), parse_cid(scene.cid)))
    disk.keeps.set()
    assert await working == scene.audio
    assert scene.fetches == 1


async def test_the_end_waits_for_the_hash_though_all_of_it_is_in_memory(
    scene: Scene, disk: HeldUp
) -> None:
    """The disk takes nothing: what is not hashed is not handed out to its end."""
    small = noise(100_000, seed=5)
    cid = str(scene.alice.pds.add_blob(scene.alice.did, small, "audio/mpeg")["ref"])
    await scene.rows.track(scene.alice.did, audio_cid=cid)
    scene.upstream(rewritten(lambda data: data[:-1] + bytes([data[-1] ^ 1])))
    params = {"did": scene.alice.did, "cid": cid}
    with pytest.raises(httpx.RemoteProtocolError):
        async with scene.server.stream("GET", GET_BLOB, params=params) as answer:
            assert answer.status_code == 200
            disk.takes.set()
            async for chunk in answer.aiter_raw():
                assert len(chunk) <= len(small) - (64 << 10)
    await wait_until(lambda: not scene.parts())
    assert not scene.kept()


class Forgetful(Disk):
    def keep(self, name: str, _: BinaryIO) -> None:
        raise OSError(28, "No space left on device", name)


async def test_what_cannot_be_kept_is_heard_all_the_same(pool: Pool, tmp_path: Path) -> None:
    disk = Forgetful(tmp_path / "media", MANY, 0)
    async with staged(pool, tmp_path, disks=[disk]) as scene:
        assert (await scene.get()).content == scene.audio
        await wait_until(lambda: not scene.parts())
        assert not scene.kept()
        with pytest.raises(Broken):
            await whole(scene.blobs[0], Did(scene.alice.did), parse_cid(scene.cid))
        assert scene.fetches == 1, "nobody else has it better"
        assert disk.held() == 0


async def test_a_wrong_blob_leaves_nothing_set_aside(scene: Scene, disk: HeldUp) -> None:
    disk.takes.set()
    scene.upstream(rewritten(flipped))
    with pytest.raises(httpx.RemoteProtocolError):
        await scene.get()
    await wait_until(lambda: not scene.parts())
    assert disk.held() == 0


async def test_who_is_cut_off_while_a_thread_writes_is_not_over_before_that_has_ended(
    scene: Scene, disk: HeldUp
) -> None:
    """What it set aside later would be so for ever, in a file that may be another by then."""
    media = scene.blobs[0].media
    asked = asyncio.create_task(scene.get())
    await wait_until(lambda: media._begun)
    await wait_until(lambda: filling(scene).received >= UNWRITTEN_BYTES)
    ((_, task),) = media._begun.values()
    task.cancel()
    await asyncio.wait({task}, timeout=0.5)
    assert not task.done()
    disk.takes.set()
    await asyncio.gather(task, asked, return_exceptions=True)
    assert not scene.parts()
    assert disk.held() == 0
