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
from bench.databases import own_index
from bench.processes import Listener, cpu_seconds, listening, measured
from bench.report import Figure, paired, say
from lexicons.catalog import load_catalog

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


@dataclass(frozen=True, slots=True)
class Question:
    """Of which server of bench/server.py what is asked."""

    kind: str
    paths: Sequence[str]


async def latest() -> list[Figure]:
    async with own_index() as url:
        await fill(url, TRACKS)
        return await compared(url, TRACKS, PAIRS)


async def compared(url: str, tracks: int, pairs: int) -> list[Figure]:
    starts = await page_starts(url, tracks)
    first = [f"/xrpc/{METHOD}?limit=50"]
    say(f"# getLatest: {tracks:,} tracks, pages of 50, 16 clients")
    many = Question("ours-without-memory", list(map(our_page, starts)))
    return [
        await _against(
            "getLatest, as shipped: all ask the first page",
            url,
            Question("ours", first),
            Question("bare", ["/latest"]),
            pairs,
            goal="0.7 of one bare query",
        ),
        await _against(
            "getLatest, nothing remembered, many pages",
            url,
            many,
            Question("bare", list(map(bare_page, starts))),
            pairs,
            goal="0.7 of one bare query",
        ),
        await _against(
            "getLatest, the first page remembered, and not",
            url,
            Question("ours", first),
            Question("ours-without-memory", first),
            pairs,
            goal="5 times as many",
        ),
    ]


async def page_starts(url: str, tracks: int) -> list[asyncpg.Record]:
    """Keys all over the table, so that hardly any two pages share a track."""
    connection = await asyncpg.connect(url)
    keys = await connection.fetch(
        """
        select uri, sort_at
        from (
            select uri, sort_at, row_number() over (order by sort_at desc, uri desc) as place
            from track
        )
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
    name: str, url: str, asked: Question, yardstick: Question, pairs: int, *, goal: str
) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            listening("bench.server", asked.kind, url) as server,
            listening("bench.server", yardstick.kind, url) as other,
        ):
            sizes = _check(server, other, asked.paths, yardstick.paths)
            sides = []
            for listener, question in ((server, asked), (other, yardstick)):
                file = Path(folder) / str(listener.port)
                file.write_bytes(orjson.dumps(question.paths))
                sides.append(Side(listener, file))
            runs = [(await sides[0].measure(), await sides[1].measure()) for _ in range(pairs)]
    return paired(
        name,
        "/s",
        [(ours["rate"], bare["rate"]) for ours, bare in runs],
        goal=goal,
        note="; ".join(
            f"{question.kind}: {size:,} bytes, {_summary(side)}"
            for question, size, side in zip(
                (asked, yardstick), sizes, zip(*runs, strict=True), strict=True
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
    method = load_catalog().methods[METHOD]
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
        found = orjson.loads(theirs)
        rows = [item["track"] for item in found["feed"]] if "feed" in found else found
        assert uris == [row["uri"] for row in rows]
        sizes = len(mine), len(theirs)
    return sizes
