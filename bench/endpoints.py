"""Every query over a catalogue of each size: requests a second, waits, SQL statements, memory.

`python -m bench.endpoints 10k [DATABASE_URL]` for one size, of a database filled already.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx
import orjson

from appview.app import create_app
from appview.context import AppSettings
from bench.catalogue import SIZES, fill
from bench.load import WARM_UP_SECONDS
from bench.processes import Listener, cpu_seconds, listening, measured, memory
from bench.report import Figure, load, say
from indexer.ranking.keeper import Rankings
from indexer.search.follow import Search
from lexicons.catalog import Catalog, load_catalog
from lexicons.words import words
from migrations import embedded, runner
from migrations.database import create_pool
from tests.appview.statements import Counted
from tests.appview.world import parameters
from tests.conftest import new_database

ASKED = 400
SECONDS = 2.0
CLIENTS = (1, 16)
LISTS = {"fm.plyr.library.getList", "fm.plyr.library.getLists"}
ALBUM = "fm.plyr.library.getAlbum"
STATUS = "fm.plyr.sync.getRecordStatus"

# Half of them the best liked, half of them any.
TRACKS = """
(select subject from subject_count join track on uri = subject order by likes desc limit $1)
union all
(select uri from track order by md5(uri) limit $1)
"""

ACTORS = """
(select did from account_count where tracks > 0 order by likes_received desc limit $1)
union all
(select did from account_count where tracks > 0 order by md5(did) limit $1)
"""

LIST_URIS = "select uri from list where item_count > 0 order by md5(uri) limit $1"

ALBUM_URIS = "select uri from list where list_type = 'album' order by md5(uri) limit $1"

TAGS = "select tag from track_tag group by tag order by count(*) desc limit $1"

TITLES = "select title from track order by md5(uri) limit $1"


@dataclass(frozen=True, slots=True)
class Subjects:
    """What there is to ask about."""

    tracks: Sequence[str]
    actors: Sequence[str]
    lists: Sequence[str]
    albums: Sequence[str]
    tags: Sequence[str]
    texts: Sequence[str]

    def value(self, nsid: str, name: str, place: int) -> object:
        uris = self.lists if nsid in LISTS else self.albums if nsid == ALBUM else self.tracks
        among = {"actor": self.actors, "did": self.actors, "q": self.texts, "tag": self.tags}
        if name in {"uris", "actors"}:
            some = uris if name == "uris" else self.actors
            return [some[(place + number) % len(some)] for number in range(10)]
        found = among.get(name, uris)
        return found[place % len(found)]


async def endpoints(sizes: Sequence[str] = tuple(SIZES)) -> list[Figure]:
    figures = []
    for size in sizes:
        async with prepared(size) as url:
            figures += await measure(size, url)
    return figures


@asynccontextmanager
async def prepared(size: str) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            embedded.running(Path(folder) / "postgres") as server,
            new_database(server, "template0") as url,
        ):
            await runner.migrate(url)
            await fill(url, SIZES[size])
            await derive(url)
            yield url


async def derive(url: str) -> None:
    """What the indexer works out between events."""
    async with create_pool(url, min_size=1, max_size=4) as pool:
        following = Search(pool)
        while await following.follow_some():
            await following.settle_if_due()
        await following.settle()
        await following.follow()
        await Rankings(pool, lambda: datetime.now(UTC)).refresh()
        await pool.execute("vacuum analyze")


async def measure(size: str, url: str) -> list[Figure]:
    catalog = load_catalog()
    subjects = await look_around(url)
    figures = []
    say("| query | SQL | CPU ms | 1 client: /s | p50 | p95 | p99 | 16: /s | p50 | p95 | p99 |")
    say("|---|---|---|---|---|---|---|---|---|---|---|")
    async with listening("bench.server", "ours-without-memory", url) as server:
        for nsid, method in sorted(catalog.methods.items()):
            output = method.output
            if method.kind == "query" and output and output.encoding == "application/json":
                asked = paths(catalog, nsid, subjects)
                figures.append(await one(size, nsid, asked, server, url))
        held = memory([server.pid])
    note = f"RSS {held.rss:.0f} MiB; {load()}"
    return [*figures, Figure(f"endpoints, {size}: the server", held.pss, "MiB PSS", note=note)]


async def look_around(url: str) -> Subjects:
    connection = await asyncpg.connect(url)
    asked = [(TRACKS, ASKED // 2), (ACTORS, ASKED // 2), (LIST_URIS, ASKED), (ALBUM_URIS, ASKED)]
    asked += [(TAGS, 50), (TITLES, ASKED)]
    found = [[row[0] for row in await connection.fetch(*query)] for query in asked]
    await connection.close()
    tracks, actors, lists, albums, tags, titles = found
    chance = random.Random(5)
    for some in (tracks, actors):
        chance.shuffle(some)
    texts = [" ".join(words(title)[: chance.randint(1, 3)]) for title in titles]
    return Subjects(tracks, actors, lists, albums, tags, [text for text in texts if text])


def paths(catalog: Catalog, nsid: str, subjects: Subjects) -> list[str]:
    required = catalog.documents[nsid]["defs"]["main"].get("parameters", {}).get("required", [])
    names = [name for name in parameters(catalog, nsid) if name in required]
    names += ["uri"] if nsid in {ALBUM, STATUS} else []
    asked = [
        urlencode({name: subjects.value(nsid, name, place) for name in names}, doseq=True)
        for place in range(ASKED)
    ]
    return list(dict.fromkeys(f"/xrpc/{nsid}?{query}".removesuffix("?") for query in asked))


async def one(size: str, nsid: str, asked: list[str], server: Listener, url: str) -> Figure:
    statements, answered = await counted(asked, url)
    with tempfile.NamedTemporaryFile() as file:
        file.write(orjson.dumps(answered))
        file.flush()
        before = await used(server, url)
        single, many = [
            await measured("bench.load", server.port, file.name, SECONDS, clients)
            for clients in CLIENTS
        ]
        after = await used(server, url)
    # The load warms up before it counts: as long again at each rate, in proportion.
    warmed = 1 + WARM_UP_SECONDS / SECONDS
    millis = 1_000 * (after - before) / (warmed * (single["requests"] + many["requests"]))
    say(f"| `{nsid}` | {statements} | {millis:.1f} | {_cells(single)} | {_cells(many)} |")
    note = f"{statements} statements, {millis:.1f} ms of CPU; 16 clients {many['rate']:,.0f}/s"
    return Figure(f"{size} {nsid}: p95", single["p95_millis"], "ms", note=note)


async def used(server: Listener, url: str) -> float:
    """CPU seconds of the server and of those who work for it in Postgres, so far."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "select pid from pg_stat_activity where datname = current_database()"
        " and application_name = 'plyr-appview'"
    )
    await connection.close()
    return sum(cpu_seconds(pid) for pid in (server.pid, *(row["pid"] for row in rows)))


async def counted(asked: list[str], url: str) -> tuple[int, list[str]]:
    """The most statements that an answer took, and the paths that are answered."""
    counted, most, good = Counted(), 0, []
    settings = AppSettings("https://music.test", "0", Path("data"), remembers_pages=False)
    async with asyncpg.create_pool(url, min_size=1, max_size=2, init=counted.watch) as pool:
        transport = httpx.ASGITransport(create_app(settings, pool, load_catalog(), None))
        async with httpx.AsyncClient(transport=transport, base_url="https://music.test") as http:
            for path in asked:
                counted.take()
                response = await http.get(path)
                if response.status_code == 200:
                    good.append(path)
                    most = max(most, len(counted.take()))
    assert len(good) * 2 > len(asked), f"{asked[0]}: {len(good)} of {len(asked)} are answered"
    return most, good


def _cells(result: Mapping[str, Any]) -> str:
    waits = " | ".join(f"{result[f'{part}_millis']:.1f}" for part in ("p50", "p95", "p99"))
    return f"{result['rate']:,.0f} | {waits}"


async def main(size: str, url: str | None) -> None:
    if url is None:
        figures = await endpoints([size])
    else:
        figures = await measure(size, url)
    for figure in figures[-1:]:
        say(figure.line())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if sys.argv[2:] else None))
