"""What a query may mean, best first: found in the index, and where that is little, guessed at."""

from collections.abc import Collection, Mapping, Sequence

from appview.search.alternatives import alternatives
from appview.search.documents import Hit, Search, by_terms, by_time
from appview.search.match import Class
from appview.search.shelves import Stage, beginning_patterns, first_stages, later_stage
from lexicons.terms import Kind
from migrations.runner import Connection

FEW = 10
"""With as many found, nobody is asked whether they meant something else."""


async def find(
    connection: Connection, search: Search, kinds: Sequence[Kind], wanted: int, *, enough: int
) -> list[Hit]:
    """By relevance, at most some `wanted` of a kind; with `enough`, no other words are tried."""
    if search.query.is_empty:
        return []
    stages = dict.fromkeys(kinds, first_stages(search.query))
    patterns = beginning_patterns(search.query)
    hits = await by_terms(connection, search, stages, wanted, patterns)
    if len(hits) < enough:
        hits |= await _by_other_words(connection, search, kinds, wanted, hits)
    return _sorted(hits)


async def find_newest(
    connection: Connection, search: Search, kind: Kind, wanted: int
) -> Sequence[Hit]:
    """Those that have the words, the newest first; without any, those that may be meant."""
    if search.query.is_empty:
        return []
    hits = await by_time(connection, search, kind, wanted)
    if hits:
        return hits
    others = _sorted(await _by_other_words(connection, search, [kind], wanted, {}))
    return sorted(others, key=lambda hit: (hit.at, hit.id), reverse=True)


async def _by_other_words(
    connection: Connection,
    search: Search,
    kinds: Sequence[Kind],
    wanted: int,
    known: Collection[int],
) -> dict[int, Hit]:
    readings = search.query.readings
    words = dict.fromkeys(word for reading in readings for word in reading.words)
    found = await alternatives(connection, words, kinds)
    stages: dict[Kind, list[Stage]] = {}
    for kind in kinds:
        tried = [found.parts[kind]]
        if len(known) < FEW:
            tried.append(found.meant[kind])
        stages[kind] = [
            later_stage(reading, others) for others in tried if others for reading in readings
        ]
    asked = {kind: each for kind, each in stages.items() if each}
    return await by_terms(connection, search, asked, wanted, known=known) if asked else {}


def _sorted(hits: Mapping[int, Hit]) -> list[Hit]:
    """Among enough that was meant, what may have been meant is in the way."""
    found = sorted(hits.values(), key=lambda hit: hit.order)
    sure = [hit for hit in found if hit.match.of is not Class.FUZZY]
    return sure if len(sure) >= FEW else found
