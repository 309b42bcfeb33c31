"""The documents that a query may mean, by the index; which do, and how well, says match.py.

What is read is bounded whatever is asked: so many rows from a shelf, so many words for another.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from appview.pagination import EARLIEST, LATEST, Row
from appview.search.match import Class, Match, allowed_slips, distance, match
from appview.search.query import Query
from appview.search.shelves import (
    Alternatives,
    Filters,
    Group,
    beginning_patterns,
    first_stages,
    last_stage,
    later_stage,
    phrase_patterns,
    tsqueries,
)
from lexicons.terms import Kind, misspellings
from lexicons.words import is_unspaced
from migrations.runner import Connection

SHORTEST_PART = 3
MAX_ALTERNATIVES = 30
FEW = 10
"""With as many found, nobody is asked whether they meant something else."""

CANDIDATES = """
select asked.kind, found.*
from unnest($1::text[], $2::text[], $3::text[]) as asked (kind, queries, stages)
cross join lateral derived.search_candidates(
    string_to_array(asked.queries, E'\\n')::tsquery[],
    string_to_array(asked.stages, ',')::smallint[],
    $4, $5, $6, $7, $8, $9
) as found
"""

# Few: sorted. Many: the newest documents are looked through, and those that match are many.
NEWEST = """
with matching as materialized (
    select id, key, rank, points, at, duration_ms, fields
    from derived.search_document
    where terms @@ $1::tsquery
    limit 5001
), chosen as (
    select * from matching where (select count(*) <= 5000 from matching)
    union all
    select id, key, rank, points, at, duration_ms, fields
    from (
        select *
        from derived.search_document
        where kind = $2
        and at < $4
        and (select count(*) > 5000 from matching)
        order by at desc
        limit 20000
    ) as recent
    where terms @@ $1::tsquery
)
select $2 as kind, id, key, rank, points, at, fields
from chosen
where at >= $3
and at < $4
and ($5::bigint is null or duration_ms >= $5)
and ($6::bigint is null or duration_ms <= $6)
and fields like all ($8::text[])
order by at desc, id desc
limit $7
"""

# Words with the asked one in them, the shortest first; words one slip away, or much alike.
ALTERNATIVES = """
select asked.kind, asked.word, other.word as other, other.is_part
from unnest($1::text[], $2::text[], $3::text[]) as asked (kind, word, misspellings)
cross join lateral (
    (
        select search_word.word, true as is_part
        from derived.search_word
        where search_word.word like '%' || asked.word || '%'
        and search_word.kind = asked.kind
        order by length(search_word.word), search_word.word
        limit $4
    )
    union all
    (
        select search_word.word, false
        from derived.search_word
        where asked.misspellings <> ''
        and search_word.misspellings && string_to_array(asked.misspellings, ' ')
        and search_word.kind = asked.kind
        limit 200
    )
    union all
    (
        select search_word.word, false
        from derived.search_word
        where length(asked.word) >= 8
        and search_word.word % asked.word
        and search_word.kind = asked.kind
        limit 200
    )
) as other
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


@dataclass(frozen=True, slots=True)
class Search:
    query: Query
    filters: Filters = ()
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class Hit:
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


async def find(
    connection: Connection, search: Search, kinds: Sequence[Kind], wanted: int, *, enough: int
) -> list[Hit]:
    """By relevance, at most some `wanted` of a kind; with `enough`, no other words are tried."""
    if search.query.is_empty:
        return []
    hits = await _find(connection, search, kinds, wanted, enough)
    joined = search.query.as_joined
    if not hits and joined is not None:
        return await _find(connection, _asking(search, joined), kinds, wanted, enough)
    return hits


def _asking(search: Search, query: Query) -> Search:
    return Search(query, search.filters, search.span)


async def _find(
    connection: Connection, search: Search, kinds: Sequence[Kind], wanted: int, enough: int
) -> list[Hit]:
    stages = dict.fromkeys(kinds, first_stages(search.query))
    patterns = beginning_patterns(search.query)
    hits = await _candidates(connection, search, stages, wanted, patterns)
    if len(hits) >= enough or not search.query.words:
        return _sorted(hits)
    parts, meant = await _alternatives(connection, search.query, kinds)
    later: dict[Kind, list[list[Group]]] = {}
    for kind in kinds:
        later[kind] = [later_stage(search.query, parts[kind])] if parts[kind] else []
        if meant[kind] and len(hits) < FEW:
            later[kind].append(later_stage(search.query, meant[kind]))
    if any(later.values()):
        hits |= await _candidates(connection, search, later, wanted)
    return _without_guesses(_sorted(hits))


def _without_guesses(hits: Sequence[Hit]) -> list[Hit]:
    """Among enough that was meant, what may have been meant is in the way."""
    sure = [hit for hit in hits if hit.match.of is not Class.FUZZY]
    return sure if len(sure) >= FEW else list(hits)


def _sorted(hits: Mapping[int, Hit]) -> list[Hit]:
    return sorted(hits.values(), key=lambda hit: hit.order)


async def _candidates(
    connection: Connection,
    search: Search,
    stages: Mapping[Kind, Sequence[Sequence[Group]]],
    wanted: int,
    patterns: Sequence[str] = (),
) -> dict[int, Hit]:
    asked = []
    for kind, each in stages.items():
        queries = [
            (shelf, str(number))
            for number, stage in enumerate(each)
            for shelf in tsqueries(kind, search.query, stage, search.filters)
        ]
        shelves, numbers = zip(*queries, strict=True) if queries else ((), ())
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
    return {hit.id: hit for hit in as_hits(search.query, rows)}


def as_hits(query: Query, rows: Sequence[Row]) -> list[Hit]:
    hits = []
    for row in rows:
        found = match(query, row["kind"], row["fields"])
        if found is not None:
            hits.append(
                Hit(
                    row["id"],
                    row["kind"],
                    row["key"],
                    row["rank"],
                    row["points"],
                    row["at"],
                    found,
                )
            )
    return hits


async def newest(connection: Connection, search: Search, kind: Kind, wanted: int) -> list[Hit]:
    """Of what has the words, whole or as beginnings, the latest."""
    if search.query.is_empty:
        return []
    shelves = tsqueries(kind, search.query, last_stage(search.query), search.filters)
    span = search.span
    rows = await connection.fetch(
        NEWEST,
        " | ".join(f"({shelf})" for shelf in shelves),
        kind,
        span.since,
        span.until,
        span.min_ms,
        span.max_ms,
        wanted,
        [*beginning_patterns(search.query), *phrase_patterns(search.query)],
    )
    return as_hits(search.query, rows)


async def by_id(connection: Connection, query: Query, ids: Sequence[int]) -> list[Hit]:
    """In the order of the ids; what is gone or no longer matches is left out."""
    rows = {row["id"]: row for row in await connection.fetch(BY_ID, ids)}
    return as_hits(query, [rows[number] for number in ids if number in rows])


async def _alternatives(
    connection: Connection, query: Query, kinds: Sequence[Kind]
) -> tuple[Mapping[Kind, Alternatives], Mapping[Kind, Alternatives]]:
    """By kind and word: what the word is a part of, and that together with what it may mean."""
    parts: dict[Kind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in kinds}
    meant: dict[Kind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in kinds}
    asked = [
        (kind, word, " ".join(sorted(misspellings(word))) if allowed_slips(word) else "")
        for kind in kinds
        for word in query.words
        if len(word) >= SHORTEST_PART and not is_unspaced(word)
    ]
    if not asked:
        return parts, meant
    rows = await connection.fetch(ALTERNATIVES, *zip(*asked, strict=True), MAX_ALTERNATIVES)
    for row in rows:
        if row["is_part"]:
            parts[row["kind"]][row["word"]].append(row["other"])
            meant[row["kind"]][row["word"]].append(row["other"])
    for row in sorted(rows, key=_slips):
        others = meant[row["kind"]][row["word"]]
        if (
            not row["is_part"]
            and _slips(row) <= allowed_slips(row["word"])
            and len(others) < 2 * MAX_ALTERNATIVES
        ):
            others.append(row["other"])
    return parts, meant


def _slips(row: Row) -> int:
    return distance(row["word"], row["other"], allowed_slips(row["word"]))
