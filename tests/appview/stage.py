"""A PDS with a track's audio, and servers that hand it out from one cache."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.responses import Response, StreamingResponse

from appview.app import create_app
from appview.context import AppSettings
from appview.media.blobs import Blobs, open_blobs
from appview.media.disk import Disk
from appview.media.sources import Sources
from appview.playback.missing import Missing
from lexicons.catalog import load_catalog
from lexicons.cid import Cid
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.appview.served import served
from tests.indexer.tools import tools
from tests.network.http import Answer, Fault
from tests.network.world import Person, World
from tests.support import http_client, wait_until

GET_BLOB = "/xrpc/fm.plyr.playback.getBlob"
UPSTREAM = "com.atproto.sync.getBlob"
MANY = 1 << 40


A_SECOND = 1.0
"""What is hidden is handed out no longer."""


async def a_second_later() -> None:
    """Asked once then, and not again and again until then: a slow machine is no reason to fail."""
    then = time.monotonic() + A_SECOND
    await wait_until(lambda: time.monotonic() > then)


def noise(size: int, seed: int = 1) -> bytes:
    return b"ID3\x04\x00" + random.Random(seed).randbytes(size - 5)


@dataclass(slots=True)
class Scene:
    """A PDS with a track's audio, an index that shows the track, and servers on one cache."""

    world: World
    alice: Person
    rows: Rows
    audio: bytes
    cid: str
    uri: str
    folder: Path
    servers: list[httpx.AsyncClient]
    blobs: list[Blobs]

    @property
    def server(self) -> httpx.AsyncClient:
        return self.servers[0]

    @property
    def params(self) -> dict[str, str]:
        return {"did": self.alice.did, "cid": self.cid}

    async def get(self, headers: dict[str, str] | None = None, server: int = 0) -> httpx.Response:
        return await self.servers[server].get(GET_BLOB, params=self.params, headers=headers)

    def upstream(self, fault: Fault, times: int | None = None) -> None:
        self.alice.pds.faults.on(UPSTREAM, fault, times=times)

    @property
    def fetches(self) -> int:
        return self.alice.pds.times_asked(UPSTREAM)

    def kept(self) -> list[Path]:
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]

    def parts(self) -> list[Path]:
        return list((self.folder / "parts").iterdir())


@asynccontextmanager
async def staged(
    pool: Pool,
    folder: Path,
    *,
    disks: Sequence[Disk] = (),
    size: int = 1_000_000,
    servers: int = 2,
    **given: Any,
) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World.open())
        alice = await world.person("alice")
        audio = noise(size)
        blob = alice.pds.add_blob(alice.did, audio, "audio/mpeg")
        cid = str(blob["ref"])
        rows = Rows(pool)
        await rows.account(alice.did)
        uri = await rows.track(alice.did, audio_cid=cid, audio_mime="audio/mpeg", audio_size=size)
        using = await stack.enter_async_context(
            tools(pool, world.directory.url, allow_private_addresses=True)
        )
        settings = AppSettings("https://music.test", "1", folder / "data", remembers_pages=False)
        clients: list[httpx.AsyncClient] = []
        opened: list[Blobs] = []
        end = asyncio.Event()  # of all at once: each takes some tenths of a second
        for disk in disks or [Disk(folder / "media", MANY, 0) for _ in range(servers)]:
            note = Missing(pool).note
            sources = Sources(using.resolver, using.remote, using.client, 50_000_000, note)
            blobs = await stack.enter_async_context(open_blobs(disk, sources, **given))
            opened.append(blobs)
            app = create_app(settings, pool, load_catalog(), None, blobs=blobs)
            url = await stack.enter_async_context(served(app, end))
            limits = httpx.Limits(max_connections=None)
            clients.append(
                await stack.enter_async_context(http_client(url, limits=limits, timeout=30))
            )
        yield Scene(world, alice, rows, audio, cid, uri, folder / "media", clients, opened)


def in_two_pieces(data: bytes, at: int, go_on: asyncio.Event, *, sized: bool = True) -> Fault:
    """A PDS that stands still in the middle of its answer."""

    async def answered(_: Answer) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield data[:at]
            await asyncio.wait_for(go_on.wait(), 30)
            yield data[at:]

        headers = {"content-length": str(len(data))} if sized else None
        return StreamingResponse(pieces(), headers=headers)

    return answered


def flipped(data: bytes) -> bytes:
    return data[:400_000] + bytes([data[400_000] ^ 1]) + data[400_001:]


@dataclass(slots=True)
class Player:
    """One connection, on which one range is asked for after another."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    target: str

    async def part(self, start: int, stop: int) -> bytes:
        lines = f"GET {self.target} HTTP/1.1\r\nhost: x\r\nrange: bytes={start}-{stop - 1}\r\n\r\n"
        self.writer.write(lines.encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 206"), head
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return await self.reader.readexactly(length)


@asynccontextmanager
async def players(scene: Scene, each: int) -> AsyncIterator[list[Player]]:
    """So many at each server."""
    target = str(httpx.URL(GET_BLOB, params=scene.params))
    opened = []
    for server in scene.servers * each:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.base_url.port)
        opened.append(Player(reader, writer, target))
    try:
        yield opened
    finally:
        for player in opened:
            player.writer.close()
            await player.writer.wait_closed()


async def whole(blobs: Blobs, did: Did, cid: Cid) -> bytes:
    async with blobs.proven(did, cid) as file:
        return await asyncio.to_thread(file.read)
