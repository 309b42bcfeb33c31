"""getLatest of 50 tracks by 16 clients, against one bare query of the same rows."""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import asyncpg
import orjson

from appview.pagination import Key, Order, encode, to_micros
from bench.catalogue import fill
from bench.processes import Listener, cpu_seconds, listening, measured
from bench.report import Figure, paired, say
from lexicons.catalog import load_catalog
from migrations import embedded, runner
from tests.conftest import new_database

TRACKS = 100_000
PAGES = 400
PAIRS = 5
SECONDS = 4.0
METHOD = "fm.plyr.feed.getLatest"


@dataclass(frozen=True, slots=True)
class Side:
    """A server, and what is asked of it."""

    server: Listener
    paths: Path

    async def measure(self) -> Mapping[str, float]:
        before = cpu_seconds(self.server.pid)
        result = await measured("bench.load", self.server.port, self.paths, SECONDS)
        return {**result, "server_cpu": cpu_seconds(self.server.pid) - before}


async def latest() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            embedded.running(Path(folder) / "postgres") as server,
            new_database(server, "template0") as url,
        ):
            await runner.migrate(url)
            await fill(url, TRACKS)
            starts = await page_starts(url, TRACKS)
            say(f"# {TRACKS:,} tracks, pages of 50, 16 clients")
            return [
                await _against(
                    "getLatest, as shipped: all ask the first page",
                    url,
                    "ours",
                    ([f"/xrpc/{METHOD}?limit=50"], ["/latest"]),
                ),
                await _against(
                    "getLatest, nothing remembered, many pages",
                    url,
                    "ours-without-memory",
                    ([our_page(key) for key in starts], [bare_page(key) for key in starts]),
                ),
            ]


async def page_starts(url: str, tracks: int) -> list[asyncpg.Record]:
    """Keys all over the table, so that hardly any two pages share a track."""
    connection = await asyncpg.connect(url)
    keys = await connection.fetch(
        """
        select uri, sort_at
        from (select *, row_number() over (order by sort_at desc, uri desc) as place from track)
        where place % $1 = 0 and place <= $2
        """,
        tracks // PAGES,
        tracks - 50,
    )
    await connection.close()
    return keys


def our_page(key: asyncpg.Record) -> str:
    cursor = encode(Order.TIME, Key(to_micros(key["sort_at"]), key["uri"]))
    return f"/xrpc/{METHOD}?limit=50&cursor={cursor}"


def bare_page(key: asyncpg.Record) -> str:
    return f"/latest?at={quote(key['sort_at'].isoformat())}&uri={quote(key['uri'])}"


async def _against(
    name: str, url: str, kind: str, paths: tuple[Sequence[str], Sequence[str]]
) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            listening("bench.server", kind, url) as server,
            listening("bench.server", "bare", url) as yardstick,
        ):
            sizes = _check(server, yardstick, *paths)
            sides = []
            for listener, asked in zip((server, yardstick), paths, strict=True):
                file = Path(folder) / str(listener.port)
                file.write_bytes(orjson.dumps(asked))
                sides.append(Side(listener, file))
            pairs = [(await sides[0].measure(), await sides[1].measure()) for _ in range(PAIRS)]
    return paired(
        name,
        "/s",
        [(ours["rate"], bare["rate"]) for ours, bare in pairs],
        goal="0.7 of one bare query",
        note="; ".join(
            f"{who}: {size:,} bytes, {_summary(runs)}"
            for who, size, runs in zip(
                ("ours", "bare"), sizes, zip(*pairs, strict=True), strict=True
            )
        ),
    )


def _summary(runs: Sequence[Mapping[str, float]]) -> str:
    cpu = statistics.median(run["server_cpu"] / (run["rate"] * SECONDS) * 1e6 for run in runs)
    p50, p99, client = (
        statistics.median(run[key] for run in runs)
        for key in ("p50_millis", "p99_millis", "client_cpu")
    )
    return f"{cpu:.0f} us CPU, p50 {p50:.1f} ms, p99 {p99:.1f} ms, client {client:.0%} busy"


def _check(
    server: Listener, yardstick: Listener, ours: Sequence[str], bare: Sequence[str]
) -> tuple[int, int]:
    """Both answer with the same fifty tracks, ours as its lexicon says; the sizes of an answer."""
    method = load_catalog().method(METHOD)
    assert method is not None
    sizes = (0, 0)
    for our_path, bare_path in list(zip(ours, bare, strict=True))[:20]:
        mine, theirs = (
            urlopen(f"http://127.0.0.1:{listener.port}{path}", timeout=60).read()
            for listener, path in ((server, our_path), (yardstick, bare_path))
        )
        page = orjson.loads(mine)
        method.validate_output(page)
        uris = [item["track"]["uri"] for item in page["feed"]]
        assert len(uris) == 50
        assert uris == [row["uri"] for row in orjson.loads(theirs)]
        sizes = len(mine), len(theirs)
    return sizes
