"""Blobs to listeners: from the cache against Starlette's FileResponse, and while they come."""

import asyncio
import random
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.databases import new_index
from bench.processes import (
    Listener,
    counts,
    cpu_seconds,
    is_healthy,
    listening,
    measured,
    memory,
    program,
)
from bench.report import Figure, paired, say
from lexicons.cid import cid_text, raw_cid
from migrations import embedded
from tests.appview.makers import Rows
from tests.network.http import free_port
from tests.reference.install import Unsupported, install
from tests.reference.network import reference_network
from tests.support import wait_until

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
SIZE = 8_000_000
PAIRS = 5
SECONDS = 2
CLIENTS = 16
DOWNLOADS = 15
# Until the database plans no more, and every part of both has run.
WARM_UPS = 8
LISTENERS = 300
LISTEN_SECONDS = 8
LISTEN_BYTES_A_SECOND = 40_000
CROWD = 1_000
GET_BLOB = "/xrpc/fm.plyr.playback.getBlob"
UPSTREAM = "/xrpc/com.atproto.sync.getBlob"


Put = Callable[[bytes], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Server:
    """Ours, before whatever host."""

    rows: Rows
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Place:
    """A host of blobs, which takes one and answers with its CID, and our server in front of it."""

    server: Server
    host_port: int
    did: str
    put: Put

    async def blob(self, size: int = SIZE) -> str:
        """Another one, which nobody has asked for yet."""
        cid = await self.put(b"ID3\x04\x00" + random.randbytes(size - 5))
        await self.server.rows.track(
            self.did, audio_cid=cid, audio_mime="audio/mpeg", audio_size=size
        )
        return cid

    def ours(self, cid: str) -> str:
        return f"{GET_BLOB}?did={self.did}&cid={cid}"

    def theirs(self, cid: str) -> str:
        return f"{UPSTREAM}?did={self.did}&cid={cid}"


@asynccontextmanager
async def serving(postgres: str, did: str, plc_port: int) -> AsyncIterator[Server]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        async with (
            new_index(postgres) as url,
            asyncpg.create_pool(url, min_size=1, max_size=1) as pool,
        ):
            rows = Rows(pool)
            await rows.account(did)
            settings = {
                "database_url": url,
                "data_dir": folder / "data",
                "plc_url": f"http://127.0.0.1:{plc_port}",
                "port": port,
                "metrics_listen": "off",
                "allow_private_addresses": "on",
                "min_free_bytes": 0,
            }
            async with program("serve", folder, **settings) as pid:
                await wait_until(lambda: asyncio.to_thread(is_healthy, port), 60)
                yield Server(rows, port, pid)


@asynccontextmanager
async def placed(postgres: str, *pace: int) -> AsyncIterator[tuple[Place, Listener]]:
    """`pace`: milliseconds until the host begins, and MB a second from there; 0 for no limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        async def put(data: bytes) -> str:
            cid = cid_text(raw_cid(data))
            (folder / cid).write_bytes(data)
            return cid

        async with (
            listening("bench.blob_host", folder, *pace) as host,
            serving(postgres, DID, host.port) as server,
        ):
            yield Place(server, host.port, DID, put), host


@asynccontextmanager
async def before_reference_pds(postgres: str) -> AsyncIterator[Place]:
    """Raise Unsupported where it cannot be installed or run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with reference_network(install(), folder, folder) as network:
            person = await network.join("noisemaker")

            async def put(data: bytes) -> str:
                blob = await person.upload(data, "audio/mpeg")
                await person.create("fm.plyr.track", {"title": "Noise", "audioBlob": blob})
                cid: str = blob["ref"]["$link"]
                return cid

            plc_port = urlsplit(network.plc).port
            assert plc_port is not None
            async with serving(postgres, person.did, plc_port) as server:
                yield Place(server, network.pds_port, person.did, put)


async def playback() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        async with embedded.running(Path(name) / "postgres") as postgres:
            async with placed(postgres, 0, 0) as (place, host):
                figures = await _from_the_cache(place, host)
                figures += await _downloads(place, "ready files on loopback", "")
                figures += [await _a_crowd(place), await _many_listeners(place)]
            async with placed(postgres, 30, 20) as (place, _):
                figures += await _downloads(place, "30 ms away, 20 MB/s", "1.3")
            try:
                async with before_reference_pds(postgres) as place:
                    figures += await _downloads(place, "reference PDS", "1.3")
            except Unsupported as why:
                say(f"# not before the reference PDS: {why}")
    return figures


async def _from_the_cache(place: Place, host: Listener) -> list[Figure]:
    cid = await place.blob()
    ours, bare = place.ours(cid), f"/file/{cid}"
    await asyncio.to_thread(_download, place.server.port, ours)
    await asyncio.to_thread(_download, host.port, bare)
    say(f"# {SIZE / 1e6:.0f} MB, {CLIENTS} clients, {PAIRS} pairs of {SECONDS} s")
    figures = []
    for length, unit in ((64 << 10, "rate"), (1 << 20, "bytes"), (SIZE, "bytes")):
        pairs = []
        cpu = [0.0, 0.0]
        for _ in range(PAIRS):
            both = []
            sides = ((place.server.port, ours, place.server.pid), (host.port, bare, host.pid))
            for number, (port, path, pid) in enumerate(sides):
                before = cpu_seconds(pid)
                given = ("ranges", port, path, SIZE, length, CLIENTS, SECONDS)
                measure = await measured("bench.blob_clients", *given)
                cpu[number] += (cpu_seconds(pid) - before) / PAIRS / SECONDS
                both.append(measure[unit] / (1 if unit == "rate" else 1e6))
            pairs.append((both[0], both[1]))
        figures.append(
            paired(
                f"ranges of {length / 1024:,.0f} KiB from the cache",
                "/s" if unit == "rate" else "MB/s",
                pairs,
                goal="0.8",
                note=f"a core was used {cpu[0]:.0%}, the yardstick's {cpu[1]:.0%}",
            )
        )
    return figures


async def _downloads(place: Place, where: str, goal: str) -> list[Figure]:
    """Of blobs that nobody has asked for: one through us, one from their host, in turn."""
    pairs = []
    for number in range(WARM_UPS + DOWNLOADS):
        cids = await place.blob(), await place.blob()
        sides = [(place.server.port, place.ours(cids[0])), (place.host_port, place.theirs(cids[1]))]
        turn = 1 if number % 2 else -1
        took = [await asyncio.to_thread(_download, *side) for side in sides[::turn]][::turn]
        pairs.append((took[0], took[1]))
    del pairs[:WARM_UPS]
    return [
        paired(f"{what} of an uncached blob, {where}", "ms",
               [(ours[number], theirs[number]) for ours, theirs in pairs], goal=goal)
        for number, what in enumerate(("first byte", "all"))
    ]  # fmt: skip


async def _a_crowd(place: Place) -> Figure:
    cid = await place.blob(1_000_000)
    given = ("at-once", place.server.port, place.ours(cid), CROWD)
    heard = await measured("bench.blob_clients", *given)
    assert heard["sizes"] == [1_000_000], heard
    assert heard["answers"] == CROWD
    asked = await asyncio.to_thread(counts, place.host_port)
    took = f"all had it after {heard['seconds']:.1f} s"
    return Figure(f"fetches for {CROWD:,} listeners at once", asked[cid], "", goal="1", note=took)


async def _many_listeners(place: Place) -> Figure:
    server = place.server
    cids = [await place.blob() for _ in range(10)]
    for cid in cids:
        await asyncio.to_thread(_download, server.port, place.ours(cid))
    before = memory([server.pid])
    paths = ",".join(place.ours(cid) for cid in cids)
    given = ("slowly", server.port, paths, LISTENERS, LISTEN_BYTES_A_SECOND, LISTEN_SECONDS)
    hearing = asyncio.create_task(measured("bench.blob_clients", *given))
    cpu, most = cpu_seconds(server.pid), before
    while not hearing.done():
        await asyncio.sleep(0.5)
        most = max(most, memory([server.pid]), key=lambda held: held.pss)
    heard = await hearing
    note = f"RSS {most.rss:.0f} MiB; PSS before {before.pss:.0f}; {heard['bytes'] / 1e6:.0f} MB in "
    note += f"{LISTEN_SECONDS} s; CPU {cpu_seconds(server.pid) - cpu:.1f} s"
    return Figure(f"memory with {LISTENERS} listeners", most.pss, "MiB PSS", goal="250", note=note)


def _download(port: int, path: str) -> tuple[float, float]:
    """Milliseconds until the first byte of the body, and until the last."""
    asked = f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        begun, received = time.perf_counter(), b""
        connection.sendall(asked.encode())
        while not received.partition(b"\r\n\r\n")[2]:
            received += connection.recv(1 << 16)
        first = time.perf_counter() - begun
        assert received.startswith(b"HTTP/1.1 200"), received[:500]
        size = len(received.partition(b"\r\n\r\n")[2])
        while chunk := connection.recv(1 << 18):
            size += len(chunk)
        assert size == SIZE, size
        return first * 1e3, (time.perf_counter() - begun) * 1e3
