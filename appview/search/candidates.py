"""What a query may mean, best first: found in the index, and where that is little, guessed at."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from appview.search.alternatives import Words, alternatives
from appview.search.documents import Hit, Search, by_terms, by_time
from appview.search.match import Class
from appview.search.shelves import (
    Stage,
    beginning_patterns,
    first_stages,
    later_stage,
)
from lexicons.terms import Kind
from migrations.runner import Connection

FEW = 10
"""With as many found, nobody is asked whether they meant something else."""


async def find(
    connection: Connection, search: Search, kinds: Sequence[Kind], wanted: int, *, enough: int
) -> list[Hit]:
    """By relevance, at most some `wanted` of a kind; with `enough`, no other words are tried."""
    if search.finds_nothing:
        return []
    of_few = search.span.is_short
    stages = dict.fromkeys(kinds, first_stages(search.query, of_few=of_few))
    is_sifted = of_few or len(search.query.words) > 1
    patterns = beginning_patterns(search.query) if is_sifted else []
    hits = await by_terms(connection, search, stages, wanted, patterns)
    if len(hits) < enough:
        others = await _other_words(connection, search, kinds, hits)
        if others:
            hits |= await by_terms(connection, search, others, wanted, known=hits)
    return _sorted(hits)


async def find_newest(
    connection: Connection, search: Search, kind: Kind, wanted: int, horizon: datetime
) -> Sequence[Hit]:
    """Those that have the words, the newest first; without any, those that may be meant."""
    if search.finds_nothing:
        return []
    hits = await by_time(connection, search, kind, wanted, horizon)
    if hits:
        return hits
    stages = await _other_words(connection, search, [kind], ())
    others = await by_terms(connection, search, stages, wanted) if stages else {}
    return sorted(_sorted(others), key=lambda hit: (hit.at, hit.id), reverse=True)


async def _other_words(
    connection: Connection, search: Search, kinds: Sequence[Kind], known: Collection[object]
) -> dict[Kind, list[Stage]]:
    """What else to look for, of each kind that has something."""
    readings = search.query.readings
    words = dict.fromkeys(word for reading in readings for word in reading.words)
    found = await alternatives(connection, words, kinds, guess=len(known) < FEW)
    stages: dict[Kind, list[Stage]] = {}
    for kind in kinds:
        parts, meant = found.parts[kind], found.meant[kind]
        # What has several words is rare: that need not be looked for twice.
        tried = [parts, meant] if len(words) == 1 and meant != parts else [meant]
        stages[kind] = [
            later_stage(reading, others)
            for others in tried
            if _is_more(others)
            for reading in readings
        ]
    return {kind: each for kind, each in stages.items() if each}


def _is_more(others: Words) -> bool:
    """Whatever only begins with the words has been looked for before."""
    return any(not other.startswith(word) for word, some in others.items() for other in some)


def _sorted(hits: Mapping[int, Hit]) -> list[Hit]:
    """Among enough that was meant, what may have been meant is in the way."""
    found = sorted(hits.values(), key=lambda hit: hit.order)
    sure = [hit for hit in found if hit.match.of is not Class.FUZZY]
    return sure if len(sure) >= FEW else found
