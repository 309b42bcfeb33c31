"""What people type, against 10,000, 100,000 and a million tracks: how fast, and how well.

`python -m bench.search 1m=DATABASE_URL` asks a database that was filled and indexed before.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from appview.app import create_app
from appview.context import AppSettings
from bench.catalogue import SIZES, fill_titles
from bench.databases import own_index
from bench.processes import cpu_millis
from bench.report import Figure, say
from indexer.search.document import spellings
from indexer.search.follow import Search
from lexicons.catalog import load_catalog
from lexicons.words import words
from migrations.database import Pool, create_pool
from tests.appview.conftest import Client
from tests.appview.judging import judge
from tests.appview.makers import Rows
from tests.appview.served import asking

SETTINGS = AppSettings("https://music.test", "0", Path("data"), remembers_pages=False)
ASKED = 200
INVENTED_WORDS = 200_000
CHUNK = 2_000
TRIES = 3
PATIENT_SECONDS = 3_600
"""What the indexer never does to a large table takes longer than its pool lets anything take."""

CLASSES = ("typeahead", "exact", "prefix", "substring", "fuzzy", "two words")
# Of a common word; two years before the end of the catalogue.
NARROWED = {
    "newest": {"sort": "newest"},
    "some seconds": {"minDurationMs": "181000", "maxDurationMs": "185000"},
    "a month": {"since": "2024-11-05T00:00:00Z", "until": "2024-12-05T00:00:00Z"},
    "a month, newest": {
        "since": "2024-11-05T00:00:00Z",
        "until": "2024-12-05T00:00:00Z",
        "sort": "newest",
    },
}

# Where the shelves will end, so that documents need not move while the index grows.
TIERS = """
insert into derived.search_tier (kind, tier, min_rank)
select 'track', tier, rank
from (
    select rank, row_number() over (order by rank desc) as place
    from track
    left join subject_count on subject = uri
    cross join lateral (
        select
            derived.octave(coalesce(likes, 0))
            + extract(epoch from sort_at - '2020-01-01')::float8 / 86400 / 180 as rank
    ) as ranked
) as placed
join (
    values (0::smallint, 1000), (1, 4000), (2, 16000), (3, 64000), (4, 256000)
) as end_of (tier, place) using (place)
"""

WITHOUT_INDEX = "drop index derived.search_document_terms"

INDEX = """
create index search_document_terms on derived.search_document
using gin (terms) with (fastupdate = off)
"""


async def search(sizes: Sequence[str] = tuple(SIZES)) -> list[Figure]:
    figures = [await judged()]
    for size in sizes:
        async with own_index() as url:
            await fill_titles(url, SIZES[size])
            figures += await measure(url, size)
    return figures


async def judged() -> Figure:
    """On a small catalogue of which it is known what people would want."""
    async with (
        own_index() as url,
        create_pool(url, min_size=1, max_size=4) as pool,
        client_of(pool) as http,
    ):
        ranks, missed = await judge(Rows(pool), Client(http, load_catalog()))
    return Figure(
        "search: mean reciprocal rank",
        100 * sum(ranks.values()) / len(ranks),
        f"% over {len(ranks)} queries",
        note="; ".join(f"{query}: {', '.join(found)}" for query, found in missed.items()),
    )


async def measure(url: str, size: str) -> list[Figure]:
    async with create_pool(url, min_size=1, max_size=1) as pool:
        await index(pool)
        await invent_words(pool)
    return await answer(url, size)


async def answer(url: str, size: str) -> list[Figure]:
    async with create_pool(url, min_size=1, max_size=1) as pool:
        rows = await pool.fetch(
            """
            select title, artist
            from track
            where abs(hashtext(uri)) % $2 = 0
            order by uri
            limit $1
            """,
            ASKED,
            max(1, SIZES[size] // (4 * ASKED)),
        )
        backend = await pool.fetchval("select pg_backend_pid()")
        async with client_of(pool) as http:
            bench = Bench(http, backend)
            return [
                await timed(bench, size, name, questions(name, rows))
                for name in (*CLASSES, *NARROWED)
            ]


async def index(pool: Pool) -> None:
    started = time.perf_counter()
    await pool.execute(WITHOUT_INDEX)
    await pool.execute(TIERS)
    while await Search(pool).follow_some(CHUNK):
        pass
    async with pool.acquire() as connection:
        await connection.execute("set maintenance_work_mem = '1GB'")
        await connection.execute(INDEX, timeout=PATIENT_SECONDS)
    await Search(pool).settle()
    await Search(pool).follow()
    await pool.execute(
        "vacuum analyze derived.search_document, derived.search_word", timeout=PATIENT_SECONDS
    )
    documents = await pool.fetchval("select count(*) from derived.search_document")
    say(f"# {documents:,} documents made in {time.perf_counter() - started:.0f} s")


async def invent_words(pool: Pool) -> None:
    """The catalogue has some thousand words; people have more."""
    chance = random.Random(4)
    letters = "aeiouaeioubcdfghklmnprstvw"
    invented = {
        "".join(chance.choices(letters, k=chance.randint(4, 11))) for _ in range(INVENTED_WORDS)
    }
    records = [("track", f"{word}q", spellings(f"{word}q")) for word in sorted(invented)]
    for start in range(0, len(records), CHUNK):
        await pool.copy_records_to_table(
            "search_word",
            schema_name="derived",
            records=records[start : start + CHUNK],
            columns=("kind", "word", "misspellings"),
        )
    await pool.execute("vacuum analyze derived.search_word", timeout=PATIENT_SECONDS)


@dataclass(frozen=True, slots=True)
class Took:
    millis: float
    cpu_millis: float
    is_found: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """`backend` is the one process of Postgres that answers us."""

    http: httpx.AsyncClient
    backend: int

    async def ask(self, method: str, **params: str) -> Took:
        started, cpu = time.perf_counter(), self._cpu_millis()
        response = await self.http.get(f"/xrpc/fm.plyr.search.{method}", params=params)
        took = (time.perf_counter() - started) * 1e3
        response.raise_for_status()
        return Took(took, self._cpu_millis() - cpu, any(response.json().values()))

    def _cpu_millis(self) -> float:
        return time.process_time() * 1e3 + cpu_millis(self.backend)


def client_of(pool: Pool) -> httpx.AsyncClient:
    return asking(create_app(SETTINGS, pool, load_catalog(), None))


def questions(name: str, rows: Sequence[asyncpg.Record]) -> list[str]:
    chance = random.Random(name)
    asked = []
    for row in rows:
        title = words(row["title"])
        word = max(title, key=len)
        match name:
            case "typeahead":
                text = row["title"].lower()
                asked.append(text[: chance.randint(1, len(text))].strip() or text[0])
            case "exact":
                asked.append(row["title"])
            case _ if name in NARROWED:  # The shorter a word, the more titles have it.
                asked.append(min(title, key=len))
            case "prefix":
                asked.append(word[: max(2, len(word) * 2 // 3)])
            case "substring":
                if len(word) > 4:
                    asked.append(word[1:])
            case "fuzzy":
                if len(word) > 4:
                    at = chance.randrange(1, len(word) - 1)
                    asked.append(word[:at] + word[at + 1] + word[at] + word[at + 2 :])
            case _:
                asked.append(f"{title[0]} {words(row['artist'])[0]}")
    return asked


async def timed(bench: Bench, size: str, name: str, asked: Sequence[str]) -> Figure:
    """One client, one question after the other; of each the best of some tries."""
    method = "typeahead" if name == "typeahead" else "searchTracks"
    more = NARROWED.get(name, {})
    took = [[await bench.ask(method, q=q, **more) for _ in range(TRIES)] for q in asked]
    millis = sorted(min(each.millis for each in tries) for tries in took)
    cpu = sorted(min(each.cpu_millis for each in tries) for tries in took)
    found = sum(tries[0].is_found for tries in took)
    return Figure(
        f"search, {size}, {name}: p95",
        millis[int(len(millis) * 0.95)],
        "ms",
        goal="15 ms" if name in {"typeahead", "exact"} else "60 ms",
        note=f"p50 {millis[len(millis) // 2]:.1f} ms; CPU, Postgres' included: "
        f"p50 {cpu[len(cpu) // 2]:.1f} ms, p95 {cpu[int(len(cpu) * 0.95)]:.1f} ms; "
        f"{found} of {len(asked)} found something",
    )


async def main(databases: Sequence[str]) -> None:
    for size, _, url in (database.partition("=") for database in databases):
        for figure in await answer(url, size):
            say(figure.line())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
