"""Fetching repos from their hosts: one of a million records, and 450 as people have them."""

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg

from bench.processes import listening, measured
from bench.report import Figure, paired, say
from bench.repos import OURS, OnDisk, repo_on_disk, sizes_of_people, total_bytes
from migrations import embedded, runner
from tests.conftest import new_database

RECORDS = 1_000_000
OF_OURS = 50
RUNS = 3
PEOPLE = 450
MEDIAN_RECORDS = 800
HOSTS = 15
PAIRS = 3


async def million() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repo = repo_on_disk(folder, "million", RECORDS - OF_OURS, OF_OURS)
        say(f"# {RECORDS:,} records, {OF_OURS} ours, a CAR of {total_bytes([repo]) / 1e6:,.0f} MB")
        async with embedded.running(folder / "postgres") as server:
            ranges = [await _walked(server, folder, [repo], "blocks") for _ in range(RUNS)]
            cars = [await _walked(server, folder, [repo], "whole") for _ in range(RUNS)]
            spooled = [await _walked(server, folder, [repo], "whole", "spool") for _ in range(RUNS)]
    by_range, whole = _typical(ranges), _typical(cars)
    download = _typical(spooled)
    return [
        Figure(
            "a million records by ranges, CPU",
            by_range["cpu_seconds"],
            "s",
            goal="1",
            note=f"{by_range['requests']} requests; peak {by_range['peak_mib']:.0f} MiB, "
            f"of which {by_range['before_mib']:.0f} before",
        ),
        Figure("a million records by ranges, fetched", by_range["bytes"] / 1e6, "MB", goal="5"),
        Figure(
            "a million records by CAR, CPU beyond the download",
            whole["cpu_seconds"] - download["cpu_seconds"],
            "s",
            goal="2",
            note=f"{whole['cpu_seconds']:.1f} s against {download['cpu_seconds']:.1f} s to disk",
        ),
        Figure(
            "a million records by CAR, peak memory",
            whole["peak_mib"],
            "MiB",
            goal="200",
            note=f"{whole['before_mib']:.0f} MiB before",
        ),
    ]


async def repos() -> list[Figure]:
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = [
            repo_on_disk(folder, f"p{number:03}".translate(DIGITS), size, 1 + size % 20)
            for number, size in enumerate(sizes_of_people(PEOPLE, MEDIAN_RECORDS, chance))
        ]
        records = sum(repo.records for repo in people)
        say(f"# {PEOPLE} repos, {records:,} records, {total_bytes(people) / 1e6:,.0f} MB")
        async with embedded.running(folder / "postgres") as server:
            pairs = [
                [
                    await _walked(server, folder, people, "blocks", kind)
                    for kind in ("walk", "download")
                ]
                for _ in range(PAIRS)
            ]
    ours, bare = _typical([pair[0] for pair in pairs]), _typical([pair[1] for pair in pairs])
    return [
        paired(
            f"{PEOPLE} repos walked and written",
            "s",
            [(walked["seconds"], downloaded["seconds"]) for walked, downloaded in pairs],
            goal="under 1 of bare getRepo downloads",
            note=f"CPU {ours['cpu_seconds']:.1f} s against {bare['cpu_seconds']:.1f}; "
            f"{ours['requests']:,} requests against {bare['requests']:,}; "
            f"{ours['bytes'] / 1e6:,.0f} MB against {bare['bytes'] / 1e6:,.0f}",
        )
    ]


DIGITS = str.maketrans("0123456789", "bcdefghijk")


async def _walked(
    server: str, folder: Path, repos: Sequence[OnDisk], serves: str, kind: str = "walk"
) -> Mapping[str, Any]:
    async with _database(server) as url, _hosts(folder, len(repos), serves) as ports:
        await _introduce(url, repos, ports)
        result = await measured("bench.walker", kind, url, folder)
        if kind == "walk":
            await _check(url, repos)
        return {**result, **await asyncio.to_thread(_counts, ports[0])}


def _counts(port: int) -> dict[str, int]:
    with urlopen(f"http://127.0.0.1:{port}/counts", timeout=60) as answer:
        counts: dict[str, int] = json.loads(answer.read())
        return counts


@asynccontextmanager
async def _database(server: str) -> AsyncIterator[str]:
    async with new_database(server, "template0") as url:
        await runner.migrate(url)
        yield url


@asynccontextmanager
async def _hosts(folder: Path, repos: int, serves: str) -> AsyncIterator[Sequence[int]]:
    async with listening("bench.pds", folder, min(repos, HOSTS), serves) as pds:
        yield pds.ports


async def _introduce(url: str, repos: Sequence[OnDisk], ports: Sequence[int]) -> None:
    """The directory is not what is measured: identities are known."""
    connection = await asyncpg.connect(url)
    await connection.executemany(
        "insert into account (did, signing_key, pds, identity_at) values ($1, $2, $3, now())",
        [
            (repo.did, repo.multikey, f"http://127.0.0.1:{ports[number % len(ports)]}")
            for number, repo in enumerate(repos)
        ],
    )
    await connection.close()


async def _check(url: str, repos: Sequence[OnDisk]) -> None:
    connection = await asyncpg.connect(url)
    synchronized = "select count(*) from repo where state = 'synchronized' and rev is not null"
    assert await connection.fetchval(synchronized) == len(repos)
    found = await connection.fetchval(
        "select count(*) from record where state = 'valid' and collection = any($1::text[])", OURS
    )
    assert found == sum(repo.ours for repo in repos)
    await connection.close()


def _typical(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The run whose CPU time is the median."""
    return sorted(runs, key=lambda run: float(run["cpu_seconds"]))[len(runs) // 2]
