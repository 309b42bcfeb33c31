"""Every query over catalogues of several sizes: requests a second, waits, CPU, SQL, memory.

`python -m bench.endpoints 10k=DATABASE_URL 1m=DATABASE_URL` for databases filled already; of each
size without one it fills its own. The sizes are compared, the first with each of the others.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson

from bench import latest
from bench.catalogue import SIZES, fill
from bench.databases import own_index
from bench.load import WARM_UP_SECONDS
from bench.processes import Listener, cpu_millis, cpu_seconds, listening, measured, memory
from bench.questions import look_around, paths
from bench.report import Figure, load, say
from bench.search import PATIENT_SECONDS, SETTINGS, client_of
from indexer.list_sums import ListSums
from indexer.ranking.keeper import Rankings
from indexer.search.follow import Search
from lexicons.catalog import load_catalog
from migrations.database import create_pool
from tests.appview.statements import Counted

SECONDS = 1.5
CLIENTS = (1, 16)
CPU_QUESTIONS = 100
AGAIN = 20
"""Times that the only question is asked, where there are no more."""

TRIES = 3
PLANNED = 8
"""From so many on Postgres has a plan for all arguments."""

PAIRS = 3

FULLER = {
    "fm.plyr.feed.getActorLikes",
    "fm.plyr.feed.getComments",
    "fm.plyr.library.getActorLists",
    "fm.plyr.library.getListsContaining",
}
"""Of the very best liked a page of these has more the larger the catalogue is: asked apart."""

BEST = ", the best liked"


@dataclass(frozen=True, slots=True)
class Alone:
    """By one client after the other, within this process; CPU is of both sides of the database."""

    statements: int
    cpu_p50: float
    cpu_p95: float
    answered: Sequence[str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    alone: Alone
    cpu: float
    single: Mapping[str, Any]
    many: Mapping[str, Any]

    def row(self, nsid: str) -> str:
        alone = self.alone
        cpu = f"{self.cpu:.1f} | {alone.cpu_p50:.1f} | {alone.cpu_p95:.1f}"
        waits = f"{_cells(self.single)} | {_cells(self.many)}"
        return f"| `{nsid}` | {alone.statements} | {cpu} | {waits} |"


async def endpoints(sizes: Sequence[str] = tuple(SIZES)) -> list[Figure]:
    return await of_databases(dict.fromkeys(sizes))


async def of_databases(urls: Mapping[str, str | None]) -> list[Figure]:
    figures = []
    found: dict[str, Mapping[str, Endpoint]] = {}
    for size, given in urls.items():
        async with prepared(size, given) as url:
            found[size], held = await measure(size, url)
            figures.append(held)
            if len(found) == 1:
                figures += await latest.compared(url, SIZES[size], PAIRS)
    first, *others = found
    for size in others:
        compare(first, found[first], size, found[size])
    return figures


@asynccontextmanager
async def prepared(size: str, given: str | None) -> AsyncIterator[str]:
    if given is not None:
        yield given
        return
    async with own_index() as url:
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
        await ListSums.of(pool, SETTINGS.trusted_media_hosts).follow()
        await Rankings(pool, lambda: datetime.now(UTC)).refresh()
        await pool.execute("vacuum analyze", timeout=PATIENT_SECONDS)


async def measure(size: str, url: str) -> tuple[dict[str, Endpoint], Figure]:
    catalog = load_catalog()
    subjects = await look_around(url)
    found = {}
    say(f"\n{size}, {load()}; CPU: ms under load in the mean, p50 and p95 of one after the other")
    waits = "/s | p50 | p95 | p99"
    say(f"| query | SQL | CPU | p50 | p95 | 1 client: {waits} | 16: {waits} |")
    say("|---" * 13 + "|")
    async with listening("bench.server", "ours-without-memory", url) as server:
        for nsid, method in sorted(catalog.methods.items()):
            output = method.output
            if method.kind != "query" or output is None or output.encoding != "application/json":
                continue
            found[nsid] = await one(paths(catalog, nsid, subjects), server, url)
            say(found[nsid].row(nsid))
            if nsid in FULLER:
                best = paths(catalog, nsid, subjects.the_best)
                found[nsid + BEST] = await one(best, server, url)
                say(found[nsid + BEST].row(nsid + BEST))
        held = memory([server.pid])
    note = f"RSS {held.rss:.0f} MiB; {load()}"
    return found, Figure(f"endpoints, {size}: the server", held.pss, "MiB PSS", note=note)


async def one(asked: Sequence[str], server: Listener, url: str) -> Endpoint:
    alone = await one_after_the_other(asked, url)
    with tempfile.NamedTemporaryFile() as file:
        file.write(orjson.dumps(alone.answered))
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
    return Endpoint(alone, millis, single, many)


async def used(server: Listener, url: str) -> float:
    """CPU seconds of the server and of those who work for it in Postgres, so far."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "select pid from pg_stat_activity where datname = current_database()"
        " and application_name = 'plyr-appview'"
    )
    await connection.close()
    return sum(cpu_seconds(pid) for pid in (server.pid, *(row["pid"] for row in rows)))


async def one_after_the_other(asked: Sequence[str], url: str) -> Alone:
    counted, most, good = Counted(), 0, []
    async with (
        asyncpg.create_pool(
            url, min_size=1, max_size=1, init=counted.watch, server_settings={"jit": "off"}
        ) as pool,
        client_of(pool) as http,
    ):
        for path in asked:
            counted.take()
            if (await http.get(path)).status_code == 200:
                good.append(path)
                most = max(most, len(counted.take()))
        for place in range(PLANNED):
            await http.get(good[place % len(good)])
        assert len(good) * 2 > len(asked), f"{asked[0]}: {len(good)} of {len(asked)}"
        backend = await pool.fetchval("select pg_backend_pid()")
        some = good[:CPU_QUESTIONS] if len(good) > AGAIN else good * AGAIN
        cpu = sorted([await cpu_of(http, path, backend) for path in some])
    return Alone(most, cpu[len(cpu) // 2], cpu[len(cpu) * 95 // 100], good)


async def cpu_of(http: httpx.AsyncClient, path: str, backend: int) -> float:
    """Milliseconds, the best of some tries: whoever else is at work spoils some."""
    tries = []
    for _ in range(TRIES):
        before = time.process_time() * 1e3 + cpu_millis(backend)
        await http.get(path)
        tries.append(time.process_time() * 1e3 + cpu_millis(backend) - before)
    return min(tries)


def compare(
    small: str, before: Mapping[str, Endpoint], large: str, after: Mapping[str, Endpoint]
) -> None:
    """How much longer a question takes in a catalogue so much larger; the goal is 1.5."""
    say(f"\n| query, {large} : {small} | p95 | CPU, p50 | CPU, p95 |\n|---|---|---|---|")
    for nsid in before:
        one, other = before[nsid], after[nsid]
        ratios = (
            other.single["p95_millis"] / one.single["p95_millis"],
            other.alone.cpu_p50 / one.alone.cpu_p50,
            other.alone.cpu_p95 / one.alone.cpu_p95,
        )
        say(f"| `{nsid}` | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


def _cells(result: Mapping[str, Any]) -> str:
    waits = " | ".join(f"{result[f'{part}_millis']:.1f}" for part in ("p50", "p95", "p99"))
    return f"{result['rate']:,.0f} | {waits}"


async def main(sizes: Sequence[str]) -> None:
    given = (size.partition("=") for size in sizes)
    for figure in await of_databases({size: url or None for size, _, url in given}):
        say(figure.line())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
