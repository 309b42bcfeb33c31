"""Our own commits into a database of a million tracks and ten million likes, and into an empty one.

To fill it takes ten minutes and 30 GB of disk, so this benchmark runs only when it is named.
"""

import tempfile
from pathlib import Path

import asyncpg

from bench.catalogue import SIZES, fill
from bench.databases import new_index
from bench.ingest import introduce
from bench.material import own_frames, save
from bench.processes import listening, measured
from bench.report import Figure, paired, say
from migrations import embedded

TRACKS = SIZES["1m"]
PEOPLE = 200
COMMITS = 10_000
PAIRS = 5

# As taste is: what was liked before is liked again, the best liked the most.
SOME_TRACKS = """
select subject as uri, subject_cid as cid
from "like" tablesample system (2) repeatable (1)
order by random()
limit $1
"""

# All likes of everybody would be read into the memory that the next run begins with.
THEIR_LIKES = 'select count(*) from "like" where did = any($1::text[])'


async def filled() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        async with (
            embedded.running(Path(name) / "postgres") as server,
            new_index(server) as url,
        ):
            await fill(url, TRACKS)
            return await compared(server, url, Path(name))


async def compared(server: str, full: str, folder: Path) -> list[Figure]:
    connection = await asyncpg.connect(full)
    subjects = [(row["uri"], row["cid"]) for row in await connection.fetch(SOME_TRACKS, COMMITS)]
    tracks = await connection.fetchval("select count(*) from track")
    likes = await connection.fetchval('select count(*) from "like"')
    await connection.close()
    say(f"# {COMMITS:,} likes by {PEOPLE} newcomers, beside {likes:,} likes")
    pairs = []
    for number in range(PAIRS):
        people = range(number * PEOPLE, (number + 1) * PEOPLE)  # known to neither
        frames, keys = own_frames(people, COMMITS, subjects)
        save(folder / "own", frames)
        async with new_index(server) as empty:
            rates = [await _rate(url, keys, folder / "own") for url in (full, empty)]
        pairs.append((rates[0], rates[1]))
    return [
        paired(
            f"own commits beside {tracks:,} tracks", "/s", pairs, goal="0.8 of an empty database"
        )
    ]


async def _rate(url: str, keys: dict[str, str], frames: Path) -> float:
    await introduce(url, keys)
    async with listening("bench.sender", frames, COMMITS, "now") as relay:
        result = await measured("bench.client_ours", relay.port, COMMITS, 0, url)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval(THEIR_LIKES, list(keys)) == COMMITS
    await connection.close()
    return float(result["rate"])
