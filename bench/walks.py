"""Fetching repos from their hosts: one of a million records, and 450 as people have them."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.databases import new_index
from bench.processes import counts, listening, measured
from bench.reference import reference_pds
from bench.report import Figure, paired, say
from bench.repos import OURS, OnDisk, invented_did, repo_on_disk, repos_of_people, total_bytes
from migrations import embedded
from tests.reference.install import Unsupported

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
        repo = repo_on_disk(folder, invented_did(0), RECORDS - OF_OURS, OF_OURS)
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = repos_of_people(folder, [invented_did(n) for n in range(PEOPLE)], MEDIAN_RECORDS)
        _say_how_much(people)
        async with embedded.running(folder / "postgres") as server:
            ready = await _compared(
                "ready files", lambda kind: _walked(server, folder, people, "blocks", kind)
            )
            try:
                async with reference_pds(folder / "reference", PEOPLE, MEDIAN_RECORDS) as host:
                    built = await _compared(
                        "the reference PDS",
                        lambda kind: _run(server, folder, host.repos, [host.origin], kind),
                    )
            except Unsupported as reason:
                say(f"# not against the reference PDS: {reason}")
                return [ready]
    return [ready, built]


async def _compared(what: str, run: Callable[[str], Awaitable[Mapping[str, Any]]]) -> Figure:
    pairs = [(await run("walk"), await run("download")) for _ in range(PAIRS)]
    ours, bare = _typical([pair[0] for pair in pairs]), _typical([pair[1] for pair in pairs])
    note = f"CPU {ours['cpu_seconds']:.1f} s against {bare['cpu_seconds']:.1f}"
    if "requests" in ours:
        note += f"; {ours['requests']:,} requests against {bare['requests']:,}"
        note += f"; {ours['bytes'] / 1e6:,.0f} MB against {bare['bytes'] / 1e6:,.0f}"
    return paired(
        f"{PEOPLE} repos walked and written, {what}",
        "s",
        [(walked["seconds"], downloaded["seconds"]) for walked, downloaded in pairs],
        goal="under 1 of bare getRepo downloads",
        note=note,
    )


def _say_how_much(repos: Sequence[OnDisk]) -> None:
    records = sum(repo.records for repo in repos)
    say(f"# {len(repos)} repos, {records:,} records, {total_bytes(repos) / 1e6:,.0f} MB")


async def _walked(
    server: str, folder: Path, repos: Sequence[OnDisk], serves: str, kind: str = "walk"
) -> Mapping[str, Any]:
    async with listening("bench.pds", folder, min(len(repos), HOSTS), serves) as pds:
        origins = [f"http://127.0.0.1:{port}" for port in pds.ports]
        result = await _run(server, folder, repos, origins, kind)
        return {**result, **await asyncio.to_thread(counts, pds.port)}


async def _run(
    server: str, folder: Path, repos: Sequence[OnDisk], origins: Sequence[str], kind: str
) -> Mapping[str, Any]:
    async with new_index(server) as url:
        await _introduce(url, repos, origins)
        result = await measured("bench.walker", kind, url, folder)
        if kind == "walk":
            await _check(url, repos)
        return result


async def _introduce(url: str, repos: Sequence[OnDisk], origins: Sequence[str]) -> None:
    """The directory is not what is measured: identities are known."""
    connection = await asyncpg.connect(url)
    await connection.executemany(
        "insert into account (did, signing_key, pds, identity_at) values ($1, $2, $3, now())",
        [
            (repo.did, repo.multikey, origins[number % len(origins)])
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
