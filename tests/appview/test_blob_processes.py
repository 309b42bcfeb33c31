"""Blobs from real server processes that share one folder: killed, short of disk, asked by curl."""

import asyncio
import io
import os
import random
import resource
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from appview.serving import DESCRIPTORS
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.appview.stage import GET_BLOB, UPSTREAM, Player, flipped, in_two_pieces, noise
from tests.network.http import Fault
from tests.network.program import Program
from tests.network.world import Person, World
from tests.support import http_client, wait_until


@dataclass(slots=True)
class Blob:
    data: bytes
    target: str


@dataclass(slots=True)
class Scene:
    folder: Path
    alice: Person
    rows: Rows
    programs: list[Program]

    async def blob(self, data: bytes, mime_type: str = "audio/mpeg") -> Blob:
        cid = str(self.alice.pds.add_blob(self.alice.did, data, mime_type)["ref"])
        await self.rows.track(
            self.alice.did, audio_cid=cid, audio_mime=mime_type, audio_size=len(data)
        )
        return Blob(data, f"{GET_BLOB}?{urlencode({'did': self.alice.did, 'cid': cid})}")

    def upstream(self, fault: Fault, times: int | None = None) -> None:
        self.alice.pds.faults.on(UPSTREAM, fault, times=times)

    @property
    def fetches(self) -> int:
        return self.alice.pds.times_asked(UPSTREAM)

    def parts(self) -> list[Path]:
        return list((self.folder / "media" / "parts").iterdir())

    def kept(self) -> list[Path]:
        return [path for path in (self.folder / "media" / "blobs").rglob("*") if path.is_file()]


@pytest.fixture
async def scene(pool: Pool, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Two servers on one folder."""
    folder = tmp_path / "data"
    shared = {"PLYR_DATA_DIR": str(folder), "PLYR_MIN_FREE_BYTES": "0"}
    async with (
        World.open() as world,
        Program(world, database_url, tmp_path / "one", "serve", shared) as one,
        Program(world, database_url, tmp_path / "other", "serve", shared) as other,
    ):
        alice = await world.person("alice")
        rows = Rows(pool)
        await rows.account(alice.did)
        await asyncio.gather(one.start(), other.start())
        yield Scene(folder, alice, rows, [one, other])


@asynccontextmanager
async def listening(program: Program, blob: Blob, count: int) -> AsyncIterator[list[Player]]:
    streams = [await asyncio.open_connection("127.0.0.1", program.port) for _ in range(count)]
    try:
        yield [Player(reader, writer, blob.target) for reader, writer in streams]
    finally:
        for _, writer in streams:
            writer.close()
            await writer.wait_closed()


async def whole(program: Program, blob: Blob) -> httpx.Response:
    async with http_client(program.url, timeout=20) as client:
        return await client.get(blob.target)


async def test_ten_thousand_ranges_from_two_processes_are_the_bytes_of_the_blob(
    scene: Scene,
) -> None:
    chance = random.Random(11)
    blob = await scene.blob(noise(3_000_000))

    async def listen(player: Player, times: int, below: int) -> None:
        for _ in range(times):
            start = chance.randrange(below)
            stop = chance.randint(start + 1, min(start + 20_000, below))
            assert await player.part(start, stop) == blob.data[start:stop]

    one, other = scene.programs
    go_on = asyncio.Event()
    scene.upstream(in_two_pieces(blob.data, 1_500_000, go_on))
    async with listening(one, blob, 4) as ones, listening(other, blob, 4) as others:
        await asyncio.gather(*(listen(player, 250, 1_300_000) for player in ones + others))
        assert not scene.kept()
        late = [asyncio.create_task(listen(player, 1_000, 3_000_000)) for player in ones + others]
        go_on.set()
        await asyncio.gather(*late)
    assert [path.read_bytes() for path in scene.kept()] == [blob.data]
    assert scene.fetches == 1


async def test_as_many_may_listen_as_the_system_lets_a_process_have_files(scene: Scene) -> None:
    """Each holds two; what a shell or systemd gives at first is a thousand."""
    program = scene.programs[0]
    await program.terminate()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_000, hard))
    try:
        await program.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert program._process is not None
    limits = resource.prlimit(program._process.pid, resource.RLIMIT_NOFILE)
    assert limits == (min(hard, DESCRIPTORS) if hard > 0 else DESCRIPTORS, hard)


async def test_kill_9_of_the_server_that_fetches_leaves_nothing_that_does_not_heal(
    scene: Scene,
) -> None:
    blob = await scene.blob(noise(1_000_000))
    fetching, following = scene.programs
    scene.upstream(in_two_pieces(flipped(blob.data), 500_000, asyncio.Event()), times=1)
    async with listening(fetching, blob, 1) as ones, listening(following, blob, 1) as others:
        assert await ones[0].part(0, 300_000) == blob.data[:300_000]
        assert await others[0].part(0, 300_000) == blob.data[:300_000]
        await fetching.kill()
        assert await ones[0].reader.read() == b""
    assert len(scene.parts()) <= 1
    assert not scene.kept()

    async def heals() -> bool:
        """Who asked before the death was noticed is cut off too."""
        try:
            return (await whole(following, blob)).content == blob.data
        except httpx.RemoteProtocolError:
            return False

    await wait_until(heals)
    await fetching.start()
    assert not scene.parts()
    again = await whole(fetching, blob)
    assert (again.content, "etag" in again.headers) == (blob.data, True)
    assert scene.fetches == 2


async def test_a_start_sweeps_up_after_the_server_that_was_killed(scene: Scene) -> None:
    blob = await scene.blob(noise(1_000_000))
    one, other = scene.programs
    await other.terminate()
    scene.upstream(in_two_pieces(blob.data, 500_000, asyncio.Event()), times=1)
    async with listening(one, blob, 1) as players:
        assert await players[0].part(0, 300_000) == blob.data[:300_000]
        await one.kill()
    assert len(scene.parts()) == 1
    await other.start()
    assert not scene.parts()
    await one.start()
    assert (await whole(one, blob)).content == blob.data


@pytest.mark.parametrize("limit", [200_000, 20_000], ids=["the blob", "the index too"])
async def test_a_disk_that_takes_no_more_costs_what_is_new_and_nothing_else(
    scene: Scene, limit: int
) -> None:
    """A file of this process may not grow past a limit: what a full disk says, without one."""
    one, other = scene.programs
    kept, new, later = [await scene.blob(noise(1_000_000, seed)) for seed in (1, 2, 3)]
    assert (await whole(one, kept)).content == kept.data
    _, hard = resource.prlimit(one.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (limit, hard))
    try:
        refused = await whole(one, new)
    except httpx.RemoteProtocolError:
        pass  # some of it, and then the end of the connection
    else:
        assert (refused.status_code, refused.json()["error"]) == (502, "UpstreamUnavailable")
    await wait_until(lambda: not scene.parts())
    assert len(scene.kept()) == 1
    os.utime(scene.kept()[0], (0, 0))  # so that its use would be noted
    assert (await whole(one, kept)).content == kept.data
    assert (await whole(other, new)).content == new.data
    resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert (await whole(one, later)).content == later.data


async def curl(*words: str) -> tuple[int, bytes]:
    if (program := shutil.which("curl")) is None:
        pytest.skip("curl is not installed")
    process = await asyncio.create_subprocess_exec(
        program, "--silent", "--noproxy", "*", *words, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output


async def test_curl_gets_ranges_resumes_and_knows_what_it_has(scene: Scene, tmp_path: Path) -> None:
    blob = await scene.blob(noise(1_000_000))
    url = scene.programs[0].url + blob.target
    assert await curl(url) == (0, blob.data)
    for asked, expected in (("0-1", blob.data[:2]), ("-5", blob.data[-5:]),
                            ("999000-", blob.data[999_000:]),
                            ("300000-300099", blob.data[300_000:300_100])):  # fmt: skip
        assert await curl("--range", asked, url) == (0, expected)
    begun = tmp_path / "begun.mp3"
    begun.write_bytes(blob.data[:400_000])
    assert (await curl("--continue-at", "-", "--output", str(begun), url))[0] == 0
    assert begun.read_bytes() == blob.data
    assert (await curl("--fail", "--range", "1000000-", url))[0] == 22
    _, head = await curl("--head", url)
    assert b"content-length: 1000000" in head.lower()
    assert b"accept-ranges: bytes" in head.lower()
    tag = str(tmp_path / "etag")
    await curl("--etag-save", tag, "--output", str(tmp_path / "first"), url)
    code = ("--write-out", "%{http_code}", "--output", str(tmp_path / "second"))
    assert (await curl("--etag-compare", tag, *code, url))[1] == b"304"


async def test_a_wrong_blob_breaks_curl_off(scene: Scene) -> None:
    blob = await scene.blob(noise(1_000_000))
    go_on = asyncio.Event()
    scene.upstream(in_two_pieces(flipped(blob.data), 900_000, go_on))
    asked = asyncio.create_task(curl(scene.programs[0].url + blob.target))
    await wait_until(lambda: scene.fetches)
    go_on.set()
    code, got = await asked
    assert code in {18, 22} or (code == 0 and b"UpstreamUnavailable" in got)
    assert len(got) <= len(blob.data) - (64 << 10)


def song(seconds: int) -> bytes:
    """A ramp: at each moment another value, so that every place can be told."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(
            b"".join((n // 8 % 30_000).to_bytes(2, "little") for n in range(8_000 * seconds))
        )
    return file.getvalue()


def heard_at(url: str, seconds: float) -> tuple[float, Any]:
    """As ffmpeg plays it: the length that it believes in, and the first samples after a seek."""
    av = pytest.importorskip("av")
    with av.open(url) as container:
        stream = container.streams.audio[0]
        container.seek(int(seconds / stream.time_base), stream=stream)
        frame = next(container.decode(stream))
        return float(container.duration) / 1e6, (frame.time, bytes(frame.planes[0])[:64])


async def test_ffmpeg_knows_the_length_and_seeks_to_four_fifths(
    scene: Scene, tmp_path: Path
) -> None:
    blob = await scene.blob(song(200), "audio/wav")
    (tmp_path / "song.wav").write_bytes(blob.data)
    one, other = scene.programs
    assert (await whole(one, blob)).content == blob.data
    expected = await asyncio.to_thread(heard_at, str(tmp_path / "song.wav"), 160.0)
    heard = await asyncio.to_thread(heard_at, other.url + blob.target, 160.0)
    assert heard == expected
    assert heard[0] == pytest.approx(200)
