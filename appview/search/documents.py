"""Documents out of the index, judged: by the terms of a query, the newest of them, by id.

What is read is bounded whatever is asked: so many rows from a shelf.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from appview.pagination import EARLIEST, LATEST, Row
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
from lexicons.terms import Kind, attribute
from migrations.runner import Connection

CANDIDATES = """
select asked.kind, found.*
from unnest($1::text[], $2::text[], $3::text[]) as asked (kind, queries, stages)
cross join lateral derived.search_candidates(
    string_to_array(asked.queries, E'\\n')::tsquery[],
    string_to_array(asked.stages, ',')::smallint[],
    $4, $5, $6, $7, $8, $9
) as found
"""

# Of a word that every sixth title has, the newest have enough, and no index is asked. Of others few
# are sorted, and many looked through, the newest first, until there are enough.
NEWEST = """
with glance as materialized (
    select id, key, rank, points, at, duration_ms, fields
    from (
        select *
        from derived.search_document
        where kind = $2
        and at >= $3
        and at < $4
        order by at desc
        limit 2000
    ) as newest
    where terms @@ $1::tsquery
    and ($5::bigint is null or duration_ms >= $5)
    and ($6::bigint is null or duration_ms <= $6)
    and fields like all ($8::text[])
    order by at desc
    limit $7
), matching as materialized (
    select id, key, rank, points, at, duration_ms, fields
    from derived.search_document
    where terms @@ $1::tsquery
    and (select count(*) < $7 from glance)
    limit 10001
), chosen as (
    select *
    from glance
    where (select count(*) = $7 from glance)
    union all
    select *
    from matching
    where (select count(*) <= 10000 from matching)
    and at >= $3
    and at < $4
    and ($5::bigint is null or duration_ms >= $5)
    and ($6::bigint is null or duration_ms <= $6)
    and fields like all ($8::text[])
    union all
    (
        select id, key, rank, points, at, duration_ms, fields
        from (
            select *
            from derived.search_document
            where kind = $2
            and at >= $3
            and at < $4
            and (select count(*) > 10000 from matching)
            order by at desc
            limit 10000
        ) as recent
        where terms @@ $1::tsquery
        and ($5::bigint is null or duration_ms >= $5)
        and ($6::bigint is null or duration_ms <= $6)
        and fields like all ($8::text[])
        order by at desc
        limit $7
    )
)
select $2 as kind, id, key, rank, points, at, fields
from chosen
order by at desc, id desc
limit $7
"""

MOST_WITHIN = 10_000
WITHIN = """
with within as materialized (
    select count(*) as size
    from (
        select
        from derived.search_document
        where kind = $2
        and at >= $3
        and at < $4
        limit 10001
    ) as any_of_them
)
select within.size, $2 as kind, found.*
from within
left join (
    select id, key, rank, points, at, fields
    from (
        select *
        from derived.search_document
        where kind = $2
        and at >= $3
        and at < $4
        and (select size <= 10000 from within)
        order by at desc
        limit 10000
    ) as looked_at
    where terms @@ $1::tsquery
    and ($5::bigint is null or duration_ms >= $5)
    and ($6::bigint is null or duration_ms <= $6)
    and fields like all ($8::text[])
    order by rank desc, id desc
    limit $7
) as found on true
"""

BY_ID = """
select id, kind, key, rank, points, at, fields
from derived.search_document
where id = any ($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The documents to choose from, besides by terms."""

    since: datetime = EARLIEST
    until: datetime = LATEST
    min_ms: int | None = None
    max_ms: int | None = None

    @property
    def is_in_time(self) -> bool:
        return self.since > EARLIEST or self.until < LATEST


@dataclass(frozen=True, slots=True)
class Search:
    query: Query
    filters: Filters = ()
    span: Span = Span()

    @property
    def is_of_one_author(self) -> bool:
        """Who has so few that no shelf of them is long."""
        return any(
            term.startswith(attribute("author", "")) for group in self.filters for term in group
        )


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
    asked = []
    for kind, each in stages.items():
        queries = [
            (shelf, str(number))
            for number, stage in enumerate(each)
            for shelf in tsqueries(kind, search.query, stage, search.filters)
        ]
        shelves, numbers = zip(*queries, strict=True)
        asked.append((kind, "\n".join(shelves), ",".join(numbers)))
    span = search.span
    rows = await connection.fetch(
        CANDIDATES,
        *zip(*asked, strict=True),
        wanted,
        span.since,
        span.until,
        span.min_ms,
        span.max_ms,
        [*patterns, *phrase_patterns(search.query)],
    )
    hits = as_hits(search.query, [row for row in rows if row["id"] not in known])
    return {hit.id: hit for hit in hits}


async def by_time(connection: Connection, search: Search, kind: Kind, wanted: int) -> list[Hit]:
    """Of what has the words, whole or as beginnings, the latest."""
    stages = [last_stage(reading) for reading in search.query.readings]
    rows = await connection.fetch(
        NEWEST,
        *_asked(search, kind, stages),
        wanted,
        [*beginning_patterns(search.query), *phrase_patterns(search.query)],
    )
    return as_hits(search.query, rows)


async def within(
    connection: Connection, search: Search, kind: Kind, stages: Sequence[Stage], wanted: int
) -> list[Hit] | None:
    """All of a time that is of one of the stages; None where that time holds too much to look at.

    The shelves of a common word end before one of a short time is met.
    """
    rows = await connection.fetch(
        WITHIN, *_asked(search, kind, stages), wanted, phrase_patterns(search.query)
    )
    if rows[0]["size"] > MOST_WITHIN:
        return None
    return as_hits(search.query, [row for row in rows if row["id"] is not None])


def _asked(search: Search, kind: Kind, stages: Iterable[Stage]) -> tuple[object, ...]:
    """$1 to $6 of what looks on all shelves of some stages at once."""
    shelves = [
        shelf for stage in stages for shelf in tsqueries(kind, search.query, stage, search.filters)
    ]
    span = search.span
    return (
        " | ".join(f"({shelf})" for shelf in shelves),
        kind,
        span.since,
        span.until,
        span.min_ms,
        span.max_ms,
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
