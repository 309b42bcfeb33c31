"""How fast events come in: strangers' frames, and our own commits into Postgres."""

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from bench.databases import new_index, own_index
from bench.material import SEQ_BASE, foreign_frames, own_frames, save
from bench.processes import listening, measured
from bench.report import Figure, paired, say
from migrations import embedded

FOREIGN_FRAMES = 100_000
DISTINCT_FRAMES = 800
PAIRS = 5
PEOPLE = 200
COMMITS = 10_000
OWN_RUNS = 3


async def foreign() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "foreign"
        frames = foreign_frames(DISTINCT_FRAMES)
        save(path, frames)
        size = sum(map(len, frames))
        say(f"# {FOREIGN_FRAMES:,} foreign frames of {size / len(frames):,.0f} bytes in the mean")
        total_bytes = size * FOREIGN_FRAMES // len(frames)
        async with own_index() as url:
            pairs = [await _pair(path, total_bytes, url) for _ in range(PAIRS)]
            await _check_foreign(url)
    cpu = [
        statistics.median(run["cpu_micros"] for run in side) for side in zip(*pairs, strict=True)
    ]
    return [
        paired(
            "foreign frames over a WebSocket",
            "/s",
            [(ours["rate"], bare["rate"]) for ours, bare in pairs],
            goal="0.6 of a bare client",
            note=f"CPU a frame {cpu[0]:.1f} us against {cpu[1]:.1f}, ratio {cpu[1] / cpu[0]:.2f}",
        )
    ]


async def _pair(
    path: Path, total_bytes: int, url: str
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    async with listening("bench.sender", path, FOREIGN_FRAMES, "now") as relay:
        bare = await measured("bench.client_bare", relay.port, FOREIGN_FRAMES)
    async with listening("bench.sender", path, FOREIGN_FRAMES, "now") as relay:
        ours = await measured("bench.client_ours", relay.port, FOREIGN_FRAMES, total_bytes, url)
    return ours, bare


async def _check_foreign(url: str) -> None:
    connection = await asyncpg.connect(url)
    seqs = await connection.fetch("select seq from relay_cursor where seq is not null")
    assert [row["seq"] for row in seqs] == [SEQ_BASE + FOREIGN_FRAMES - 1] * PAIRS
    assert await connection.fetchval("select count(*) from repo") == 0
    await connection.close()


async def own() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own"
        frames, keys = own_frames(range(PEOPLE), COMMITS)
        save(path, frames)
        say(f"# {COMMITS:,} likes by {PEOPLE} people, one a commit, synchronous_commit on")
        runs = []
        async with embedded.running(Path(folder) / "postgres") as server:
            for _ in range(OWN_RUNS):
                async with new_index(server) as url:
                    await introduce(url, keys)
                    async with listening("bench.sender", path, len(frames), "now") as relay:
                        runs.append(
                            await measured("bench.client_ours", relay.port, len(frames), 0, url)
                        )
                    await _check_own(url, len(frames))
    rates = [run["rate"] for run in runs]
    cpu = statistics.median(run["cpu_micros"] for run in runs)
    return [
        Figure(
            "own commits into Postgres",
            statistics.median(rates),
            "/s",
            goal="3,000",
            note=f"runs {min(rates):,.0f} to {max(rates):,.0f}; CPU of the indexer a commit "
            f"{cpu:.0f} us",
        )
    ]


async def introduce(url: str, keys: Mapping[str, str]) -> None:
    """The directory is not what is measured: identities are known."""
    connection = await asyncpg.connect(url)
    await connection.executemany(
        """
        insert into account (did, signing_key, pds, identity_at)
        values ($1, $2, 'http://127.0.0.1:9', now())
        """,
        list(keys.items()),
    )
    await connection.close()


async def _check_own(url: str, commits: int) -> None:
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("show synchronous_commit") == "on"
    assert await connection.fetchval('select count(*) from "like"') == commits
    assert await connection.fetchval("select count(*) from repo where state <> 'synchronized'") == 0
    await connection.close()
