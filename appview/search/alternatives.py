"""Words that somebody may have meant by another: those that hold it, and those it is a slip of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appview.row import Row
from appview.search.match import allowed_slips, distance
from lexicons.terms import Kind, misspellings
from lexicons.words import is_unspaced
from migrations.runner import Connection

SHORTEST_PART = 3
MAX_ALTERNATIVES = 30

Words = Mapping[str, Sequence[str]]
"""By a word that was typed, others."""

# Words with the asked one in them, the shortest first; words a slip away; words much alike, though
# not where others wrote it so: with two slips in it, it had hardly become a word.
ALTERNATIVES = """
select asked.word, other.kind, other.word as other, other.is_part
from unnest($1::text[], $2::text[]) as asked (word, misspellings)
cross join lateral (
    select kind, word, true as is_part
    from (
        select kind, word, row_number() over (partition by kind order by length(word), word)
        from derived.search_word
        where word like '%' || asked.word || '%'
        and kind = any ($3::text[])
    ) as part (kind, word, place)
    where place <= $4
    union all
    (
        select kind, word, false
        from derived.search_word
        where asked.misspellings <> ''
        and search_word.misspellings && string_to_array(asked.misspellings, ' ')
        and kind = any ($3::text[])
        limit 500
    )
    union all
    (
        select kind, word, false
        from derived.search_word
        where asked.misspellings <> ''
        and length(asked.word) >= 8
        and 0 = (
            select count(*)
            from derived.search_word as known
            where known.word = asked.word
            and known.kind = any ($3::text[])
        )
        and word % asked.word
        and kind = any ($3::text[])
        limit 500
    )
) as other
"""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """By kind of document: `parts` hold the word; `meant` are those and what it is a slip of."""

    parts: Mapping[Kind, Words]
    meant: Mapping[Kind, Words]


async def alternatives(
    connection: Connection, words: Iterable[str], kinds: Sequence[Kind], *, guess: bool
) -> Alternatives:
    """To `guess` is to look for what they are a slip of."""
    parts: dict[Kind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in kinds}
    meant: dict[Kind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in kinds}
    asked = [
        (word, " ".join(sorted(misspellings(word))) if guess and allowed_slips(word) else "")
        for word in words
        if len(word) >= SHORTEST_PART and not is_unspaced(word)
    ]
    if not asked:
        return Alternatives(parts, meant)
    rows = await connection.fetch(ALTERNATIVES, *zip(*asked, strict=True), kinds, MAX_ALTERNATIVES)
    for row in rows:
        if row["is_part"]:
            parts[row["kind"]][row["word"]].append(row["other"])
            meant[row["kind"]][row["word"]].append(row["other"])
    for row in sorted((row for row in rows if not row["is_part"]), key=_slips):
        others, other = meant[row["kind"]][row["word"]], row["other"]
        is_meant = other not in others and _slips(row) <= allowed_slips(row["word"])
        if is_meant and len(others) < 2 * MAX_ALTERNATIVES:
            others.append(other)
    return Alternatives(parts, meant)


def _slips(row: Row) -> int:
    return distance(row["word"], row["other"], allowed_slips(row["word"]))
