"""What each process holds in memory: just started, and after work."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from bench.catalogue import fill
from bench.latest import our_page, page_starts
from bench.material import SEQ_BASE, foreign_frames, save
from bench.processes import Listener, is_healthy, listening, measured, memory, program, working_in
from bench.report import Figure, say
from migrations import embedded, runner
from migrations.runner import Connection
from tests.network.http import free_port
from tests.support import wait_until

TRACKS = 100_000
FRAMES = 100_000
LOAD_SECONDS = 10.0
SETTLE_SECONDS = 2.0
PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path
    database: Connection

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def postgres(self) -> list[int]:
        return working_in(self.data_dir / "postgres" / "cluster")


async def memory_of_each() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "frames", foreign_frames(800))
        async with embedded.running(folder / "data" / "postgres") as url:
            await runner.migrate(url)
            database = await asyncpg.connect(url)
            place = Place(folder, database)
            figures = [_figure("Postgres, new and idle", place.postgres())]
            await fill(url, TRACKS)
            starts = [our_page(key) for key in await page_starts(url, TRACKS)]
            (folder / "paths").write_bytes(orjson.dumps(starts))
            say(f"# work: {FRAMES:,} foreign frames, {LOAD_SECONDS:.0f} s of getLatest")
            for command in ("run", "index", "serve"):
                figures += await _before_and_after(command, place)
            await database.close()
    return figures


def _figure(name: str, pids: list[int], work: str = "") -> Figure:
    held = memory(pids)
    note = f"RSS {held.rss:.0f} MiB" + (f" over {len(pids)} processes" if len(pids) > 1 else "")
    return Figure(name, held.pss, "MiB PSS", note=f"{note}; {work}" if work else note)


async def _before_and_after(command: str, place: Place) -> list[Figure]:
    port = free_port()
    async with listening("bench.sender", place.folder / "frames", FRAMES, "later") as relay:
        settings = {
            "data_dir": place.data_dir,
            "relay_url": f"ws://127.0.0.1:{relay.port}",
            "plc_url": "http://127.0.0.1:9",
            "port": port,
            "metrics_listen": "off",
        }
        async with program(command, place.folder, **settings) as pid:
            indexes, serves = command != "serve", command != "index"
            if indexes:
                await wait_until(lambda: _cursor(place, relay, "connected"), PATIENCE_SECONDS)
            if serves:
                await wait_until(lambda: asyncio.to_thread(is_healthy, port), PATIENCE_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
            before = _figure(f"{command}, just started", [pid])
            work = []
            if indexes:
                relay.begin()
                received = f"seq = {SEQ_BASE + FRAMES - 1}"
                await wait_until(lambda: _cursor(place, relay, received), PATIENCE_SECONDS)
                work.append(f"{FRAMES:,} frames")
            if serves:
                done = await measured("bench.load", port, place.folder / "paths", LOAD_SECONDS)
                work.append(f"{done['requests']:,} requests")
            return [
                before,
                _figure(f"{command}, after work", [pid], ", ".join(work)),
                _figure(f"Postgres beside {command}, after work", place.postgres()),
            ]


async def _cursor(place: Place, relay: Listener, condition: str) -> bool:
    found: bool = await place.database.fetchval(
        f"select exists (select from relay_cursor where host = $1 and {condition})",
        f"127.0.0.1:{relay.port}",
    )
    return found
