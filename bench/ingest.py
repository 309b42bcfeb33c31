"""How fast events come in: strangers' frames, and our own commits into Postgres."""

import tempfile
from pathlib import Path

import asyncpg

from bench.material import foreign_frames, own_frames, save
from bench.processes import measured, sending
from bench.report import Figure, paired, say
from migrations import embedded, runner
from tests.conftest import new_database

FOREIGN_FRAMES = 200_000
PAIRS = 5
PEOPLE = 200
COMMITS = 10_000
OWN_RUNS = 3


async def foreign() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "foreign"
        frames = foreign_frames(800)
        save(path, frames)
        size = sum(map(len, frames)) / len(frames)
        say(f"# foreign frames: {size:,.0f} bytes in the mean, {PAIRS} pairs")
        async with (
            embedded.running(Path(folder) / "postgres") as server,
            new_database(server, "template0") as url,
        ):
            await runner.migrate(url)
            pairs = [await _pair(path, url) for _ in range(PAIRS)]
    return [paired("foreign frames over a WebSocket", "/s", pairs, "0.6 of a bare client")]


async def _pair(path: Path, url: str) -> tuple[float, float]:
    total = str(FOREIGN_FRAMES)
    async with sending(path, FOREIGN_FRAMES) as port:
        bare = await measured("bench.client_bare", str(port), total)
    async with sending(path, FOREIGN_FRAMES) as port:
        ours = await measured("bench.client_ours", str(port), total, url)
    return ours, bare


async def own() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own"
        frames, keys = own_frames(PEOPLE, COMMITS)
        save(path, frames)
        say(f"# own commits: {COMMITS} likes by {PEOPLE} people, synchronous_commit on")
        rates = []
        async with embedded.running(Path(folder) / "postgres") as server:
            for _ in range(OWN_RUNS):
                async with new_database(server, "template0") as url:
                    await runner.migrate(url)
                    await _introduce(url, keys)
                    async with sending(path, len(frames)) as port:
                        rates.append(
                            await measured("bench.client_ours", str(port), str(len(frames)), url)
                        )
                    await _check(url, len(frames))
    return [Figure("own commits into Postgres", "/s", sorted(rates)[len(rates) // 2], goal="2,000")]


async def _introduce(url: str, keys: dict[str, str]) -> None:
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


async def _check(url: str, commits: int) -> None:
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("show synchronous_commit") == "on"
    assert await connection.fetchval('select count(*) from "like"') == commits
    assert await connection.fetchval("select count(*) from repo where state <> 'synchronized'") == 0
    await connection.close()
