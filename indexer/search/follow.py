"""Keeps the documents in step: triggers queue the keys, this follows in chunks, within a second.

Documents can be made anew at any time, so nothing here is in the way of the writer: it takes no
lock of theirs, and a chunk that fails is simply due again.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.columns import columns
from indexer.search.document import Entry, spellings, tier_of
from indexer.search.sources import load
from lexicons.terms import TIERS, shelf
from migrations.database import Pool
from migrations.runner import Connection

POLL_SECONDS = 0.25
CHUNK_KEYS = 100  # some 10 ms of Python: events wait no longer than that
BEST = 1_000
GROWTH = 4
SETTLE_SECONDS = 600.0

DUE = """
select id from derived.search_due order by id limit $1
"""

# Of two that follow at once, when the lead changes, the second waits here and is left the rest.
TAKE = """
delete from derived.search_due where id = any ($1::bigint[]) returning key, after
"""

STORE = """
insert into derived.search_document as held (
    kind, key, tier, rank, points, at, duration_ms, fields, terms
)
select
    kind, key, tier, rank, points, at, duration_ms, fields,
    array_to_tsvector(string_to_array(terms, E'\\n'))
from unnest(
    $1::text[], $2::text[], $3::smallint[], $4::float8[], $5::bigint[], $6::timestamptz[],
    $7::bigint[], $8::text[], $9::text[]
) as new (kind, key, tier, rank, points, at, duration_ms, fields, terms)
on conflict (key) do update
set
    kind = excluded.kind,
    tier = excluded.tier,
    rank = excluded.rank,
    points = excluded.points,
    at = excluded.at,
    duration_ms = excluded.duration_ms,
    fields = excluded.fields,
    terms = excluded.terms
where (held.rank, held.points, held.duration_ms, held.fields, held.terms)
    is distinct from
    (excluded.rank, excluded.points, excluded.duration_ms, excluded.fields, excluded.terms)
"""

STORE_WORDS = """
insert into derived.search_word (kind, word, misspellings)
select kind, word, string_to_array(misspellings, E'\\n')
from unnest($1::text[], $2::text[], $3::text[]) as new (kind, word, misspellings)
on conflict do nothing
"""

DROP = """
with dropped as (
    delete from derived.search_document where key = any ($1::text[]) returning kind, key
)
select key from dropped where kind = 'actor'
"""

# What carries the name of an account whose name has changed: an entry for all of it. Who is renamed
# more often than it can be followed has it begun anew each time.
QUEUE_CARRIERS = """
insert into derived.search_due (key, after)
select did, '' from unnest($1::text[]) as renamed (did)
on conflict (key) where after is not null do update set after = ''
"""

# What comes next of each, in the order of keys: lists before albums.
CARRIERS = """
select due.did, carrier.key
from unnest($1::text[], $2::text[]) as due (did, after)
cross join lateral (
    (
        select list.uri as key
        from list
        where list.uri > greatest(due.after, 'at://' || due.did || '/')
          and list.uri < 'at://' || due.did || '0'
        order by list.uri
        limit $3
    )
    union all
    (
        select album.did || ' ' || album.title_key
        from album
        where album.did = due.did
          and album.title_key > case
              when starts_with(due.after, due.did) then substr(due.after, length(due.did) + 2)
              else ''
          end
        order by album.title_key
        limit $3
    )
    order by key
    limit $3
) as carrier
"""

QUEUE_REST = """
insert into derived.search_due (key, after) select * from unnest($1::text[], $2::text[])
"""

THRESHOLDS = """
select kind, rank
from (
    select kind, rank, row_number() over (partition by kind order by rank desc) as place
    from derived.search_document
) as ranked
where place = any ($1::bigint[])
order by kind, rank desc
"""

QUEUE_MISPLACED = """
insert into derived.search_due (key)
select key
from derived.search_document as document
where tier <> (
    select count(*)
    from derived.search_tier
    where search_tier.kind = document.kind
    and document.rank < search_tier.min_rank
)
"""


@dataclass(slots=True)
class Search:
    pool: Pool
    _written: int = 0
    _settled_documents: int = BEST
    _settled_at: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        while True:
            while await self.follow_some():
                await self.settle_if_due()
            await self.settle_if_due()
            await asyncio.sleep(POLL_SECONDS)

    async def follow(self) -> None:
        """Until nothing is due."""
        while await self.follow_some():
            pass

    async def follow_some(self, limit: int = CHUNK_KEYS) -> bool:
        async with self.pool.acquire() as connection:
            due = await connection.fetch(DUE, limit)
            if not due:
                return False
            async with connection.transaction():
                # What is lost in a crash is due again, together with the mark that it was.
                await connection.execute("set local synchronous_commit = off")
                await connection.execute("set local enable_seqscan = off")
                taken = await connection.fetch(TAKE, [row["id"] for row in due])
                keys = {row["key"] for row in taken if row["after"] is None}
                carriers = [(row["key"], row["after"]) for row in taken if row["after"] is not None]
                if carriers:
                    keys |= await self._carriers(connection, carriers)
                await self._write(connection, sorted(keys))
        return True

    async def _carriers(self, connection: Connection, due: Sequence[tuple[str, str]]) -> set[str]:
        """Some of what carries each name; the rest of it is due behind all others."""
        most = max(1, CHUNK_KEYS // len(due))
        found: dict[str, list[str]] = defaultdict(list)
        for did, key in await connection.fetch(CARRIERS, *columns(due), most):
            found[did].append(key)
        unfinished = [(did, keys[-1]) for did, keys in found.items() if len(keys) == most]
        if unfinished:
            await connection.execute(QUEUE_REST, *columns(unfinished))
        return {key for keys in found.values() for key in keys}

    async def _write(self, connection: Connection, keys: Sequence[str]) -> None:
        documents = await load(connection, keys)
        gone = set(keys) - {document.key for document in documents}
        if gone:
            nameless = await connection.fetch(DROP, sorted(gone))
            if nameless:
                await connection.execute(QUEUE_CARRIERS, [row["key"] for row in nameless])
        if not documents:
            return
        entries = [Entry.of(document) for document in documents]
        renamed = await self._renamed(connection, entries)
        thresholds = await load_thresholds(connection)
        await connection.execute(STORE, *_columns(entries, thresholds))
        await connection.execute(STORE_WORDS, *_words(entries))
        if renamed:
            await connection.execute(QUEUE_CARRIERS, renamed)
        self._written += len(documents)

    async def _renamed(self, connection: Connection, entries: Sequence[Entry]) -> Sequence[str]:
        lines = {
            entry.document.key: entry.lines for entry in entries if entry.document.kind == "actor"
        }
        if not lines:
            return []
        rows = await connection.fetch(
            "select key, fields from derived.search_document where key = any ($1::text[])",
            list(lines),
        )
        held = {row["key"]: row["fields"] for row in rows}
        return [did for did, line in lines.items() if held.get(did) != line]

    async def settle_if_due(self) -> None:
        has_aged = self._written > 0 and time.monotonic() - self._settled_at > SETTLE_SECONDS
        if has_aged or self._written >= self._settled_documents:
            await self.settle()

    async def settle(self) -> None:
        """See again who is among the best of each kind, and queue those on the wrong shelf."""
        async with self.pool.acquire() as connection, connection.transaction():
            places = [BEST * GROWTH**tier for tier in range(TIERS - 1)]
            rows = await connection.fetch(THRESHOLDS, places)
            ranks: dict[str, list[float]] = defaultdict(list)
            for row in rows:
                ranks[row["kind"]].append(row["rank"])
            await connection.execute("delete from derived.search_tier")
            await connection.executemany(
                "insert into derived.search_tier (kind, tier, min_rank) values ($1, $2, $3)",
                [
                    (kind, tier, rank)
                    for kind, each in ranks.items()
                    for tier, rank in enumerate(each)
                ],
            )
            await connection.execute(QUEUE_MISPLACED)
            self._settled_documents = max(
                BEST, await connection.fetchval("select count(*) from derived.search_document")
            )
        self._written = 0
        self._settled_at = time.monotonic()


async def load_thresholds(connection: Connection) -> Mapping[str, Sequence[float]]:
    """By kind, highest first."""
    thresholds: dict[str, list[float]] = defaultdict(list)
    rows = await connection.fetch(
        "select kind, min_rank from derived.search_tier order by kind, tier"
    )
    for row in rows:
        thresholds[row["kind"]].append(row["min_rank"])
    return thresholds


def _columns(
    entries: Sequence[Entry], thresholds: Mapping[str, Sequence[float]]
) -> list[Sequence[object]]:
    rows = []
    for entry in entries:
        document = entry.document
        tier = tier_of(document.rank, thresholds.get(document.kind, ()))
        place = shelf(document.kind, tier)
        rows.append(
            (
                document.kind,
                document.key,
                tier,
                document.rank,
                document.points,
                document.at,
                document.duration_ms,
                entry.lines,
                "\n".join(place + term for term in entry.terms),
            )
        )
    return list(zip(*rows, strict=True))


def _words(entries: Sequence[Entry]) -> list[Sequence[str]]:
    found = sorted({(entry.document.kind, word) for entry in entries for word in entry.words})
    if not found:
        return [[], [], []]
    rows = [(kind, word, "\n".join(spellings(word))) for kind, word in found]
    return list(zip(*rows, strict=True))
