"""Documents out of the index, judged: by the terms of a query, the newest of them, by id.

What is read is bounded whatever is asked: so many rows from a shelf.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import asyncpg

from appview.pagination import EARLIEST, LATEST
from appview.row import Row
from appview.search.match import Match, best_match
from appview.search.query import Query
from appview.search.shelves import (
    Filters,
    Stage,
    beginning_patterns,
    last_stage,
    phrase_patterns,
    tsqueries,
)
from lexicons.terms import Kind, as_long, attribute, between
from migrations.runner import Connection

MOST = 2_000
"""Rows that a shelf brings, however common the word."""
MOST_OF_A_SPAN = 10_000
"""Some of those are only near it."""
STRETCHES_DAYS = (2, 8, 32, 512)
SHORT = timedelta(days=32)

# Documents know their author by the DID; a handle in a query becomes it. It stands behind a tab,
# as nothing else does that somebody typed.
CANDIDATES = """
select asked.kind, found.*
from unnest($1::text[], $2::text[], $3::text[]) as asked (kind, queries, stages)
left join account as author on author.handle = $11
left join lateral replace(
    asked.queries, E'@author\\t' || author.handle, '@author ' || author.did
) as by_did on true
cross join lateral derived.search_candidates(
    string_to_array(coalesce(by_did, asked.queries), E'\\n')::tsquery[],
    string_to_array(asked.stages, ',')::smallint[],
    $4, $5, $6, $7, $8, $9, $10
) as found
"""

BY_ID = """
select id, kind, key, rank, points, at, fields
from derived.search_document
where id = any ($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The documents to choose from, besides by words."""

    since: datetime = EARLIEST
    until: datetime = LATEST
    min_ms: int | None = None
    max_ms: int | None = None

    @property
    def filters(self) -> Filters:
        """Terms of all that is in it, and of some that is not."""
        groups = []
        if self.since > EARLIEST or self.until < LATEST:
            groups.append(between(self.since, self.until))
        if self.min_ms is not None or self.max_ms is not None:
            groups.append(as_long(self.min_ms, self.max_ms))
        return groups

    @property
    def is_short(self) -> bool:
        return self.until - self.since <= SHORT

    def stretches(self, horizon: datetime) -> "list[Span]":
        """Of time, the latest first, each some times as long as what is later."""
        last = min(self.until, horizon)
        within = [days for days in map(timedelta, STRETCHES_DAYS) if days < last - self.since]
        borders = [last, *(last - days for days in within), self.since]
        return [replace(self, since=since, until=until) for until, since in pairwise(borders)]


@dataclass(frozen=True, slots=True)
class Search:
    query: Query
    filters: Filters = ()
    span: Span = Span()
    author: str | None = None
    """A DID, or a handle in lower case."""

    @property
    def finds_nothing(self) -> bool:
        return self.query.is_empty or not all(self.within(self.span))

    def within(self, span: Span) -> Filters:
        return [*self._by, *self.filters, *span.filters]

    @property
    def _by(self) -> Filters:
        if self.author is None:
            return []
        is_did = self.author.startswith("did:")
        return [[attribute("author", self.author) if is_did else f"@author\t{self.author}"]]


class Hit(NamedTuple):
    id: int
    kind: Kind
    key: str
    rank: float
    points: int
    at: datetime
    match: Match

    @property
    def order(self) -> tuple[int, int, int, float, int]:
        return (*self.match.key(self.rank), -self.id)


async def by_terms(
    connection: Connection,
    search: Search,
    stages: Mapping[Kind, Sequence[Stage]],
    wanted: int,
    patterns: Sequence[str] = (),
    known: Container[int] = (),
) -> dict[int, Hit]:
    """Of each kind those of the first stages that together have `wanted`, but for the known."""
    filters = search.within(search.span)
    asked = {
        kind: [tsqueries(kind, search.query, stage, filters) for stage in each]
        for kind, each in stages.items()
    }
    rows = await _candidates(connection, search, asked, wanted, patterns)
    # A stage brings again what those before it brought.
    new = {row["id"]: row for row in rows if row["id"] not in known}
    hits = as_hits(search.query, list(new.values()))
    return {hit.id: hit for hit in hits}


async def by_time(
    connection: Connection, search: Search, kind: Kind, wanted: int, horizon: datetime
) -> list[Hit]:
    """Of what has the words, whole or as beginnings, the latest: from one stretch after another."""
    spans = search.span.stretches(horizon)
    asked = {kind: [_beginnings(search, kind, span) for span in spans]}
    patterns = beginning_patterns(search.query)
    rows = await _candidates(connection, search, asked, wanted, patterns, spans)
    latest = sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True)
    return as_hits(search.query, latest[:wanted])


def _beginnings(search: Search, kind: Kind, span: Span) -> list[str]:
    """One query for each shelf, of one reading or another."""
    filters = search.within(span)
    by_reading = [
        tsqueries(kind, search.query, last_stage(reading, of_few=span.is_short), filters)
        for reading in search.query.readings
    ]
    return [" | ".join(f"({query})" for query in shelf) for shelf in zip(*by_reading, strict=True)]


async def _candidates(
    connection: Connection,
    search: Search,
    asked: Mapping[Kind, Sequence[Sequence[str]]],
    wanted: int,
    patterns: Sequence[str],
    stretches: Sequence[Span] = (),
) -> Sequence[Row]:
    """`asked` are stages of queries, one for each shelf; of stretches, each is such a stage."""
    flat = [
        (
            kind,
            "\n".join(query for stage in stages for query in stage),
            ",".join(str(number) for number, stage in enumerate(stages, 1) for _ in stage),
        )
        for kind, stages in asked.items()
    ]
    span = search.span
    spans = stretches or [span] * max(map(len, asked.values()))
    return await connection.fetch(
        CANDIDATES,
        *zip(*flat, strict=True),
        [asyncpg.Range(each.since, each.until) for each in spans],
        bool(stretches),
        wanted,
        MOST if not stretches and span == Span() else MOST_OF_A_SPAN,
        span.min_ms,
        span.max_ms,
        [*patterns, *phrase_patterns(search.query)],
        search.author,
    )


async def by_id(connection: Connection, query: Query, ids: Sequence[int]) -> list[Hit]:
    """In the order of the ids; what is gone or no longer matches is left out."""
    rows = {row["id"]: row for row in await connection.fetch(BY_ID, ids)}
    return as_hits(query, [rows[number] for number in ids if number in rows])


def as_hits(query: Query, rows: Sequence[Row]) -> list[Hit]:
    readings = query.readings
    hits = []
    for row in rows:
        kind = row["kind"]
        found = best_match(readings, kind, row["fields"])
        if found is not None:
            hits.append(
                Hit(row["id"], kind, row["key"], row["rank"], row["points"], row["at"], found)
            )
    return hits
