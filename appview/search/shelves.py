"""A query as Postgres reads it: stage after stage, in each from the best shelf down. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appview.search.query import Query
from lexicons.terms import PREPARED_PREFIX, TIERS, Kind, beginning, pairs, shelf, whole
from lexicons.words import is_unspaced

RARE_LETTERS = 8

Filters = Sequence[Sequence[str]]
"""Terms that a document must have; of each group one is enough."""


@dataclass(frozen=True, slots=True)
class Term:
    text: str
    is_prefix: bool = False

    def on(self, place: str) -> str:
        quoted = (place + self.text).replace("\\", "\\\\").replace("'", "''")
        return f"'{quoted}':*" if self.is_prefix else f"'{quoted}'"


# One alternative is a set of terms that must all be there; a group is met by any alternative.
Group = Sequence[Sequence[Term]]
Stage = Sequence[Group]


def first_stages(query: Query, *, of_few: bool = False) -> list[Stage]:
    """Exact as a whole, exact by words, by the beginnings of words; of each reading in turn."""
    by_reading = [_first_stages(reading, of_few=of_few) for reading in query.readings]
    return [stage for together in zip(*by_reading, strict=True) for stage in together]


def _first_stages(query: Query, *, of_few: bool) -> list[Stage]:
    stages: list[Stage] = []
    if query.whole:
        stages.append([[[Term(whole(query.whole))]]])
    stages.append([[_parts(word)] for word in query.words])
    if query.words:
        stages.append(_beginnings(query, of_few=of_few))
    return stages


def _beginnings(query: Query, *, of_few: bool) -> Stage:
    """Of words, or of something that is known by its whole name alone.

    To go through all words with a beginning is dear: that is done for one that is rare because it
    is long, of the others the first letters are prepared. What is found too much has not the
    `beginning_patterns`. Where the filters leave few, none is so rare.
    """
    if of_few:
        return [[_first_letters(word)] for word in query.words]
    if len(query.words) < 2 or not query.whole:
        return [[_begun(word)] for word in query.words]
    # A pair of letters of an unspaced script is rare enough to begin with.
    longest = max(query.words, key=len) if not any(map(is_unspaced, query.words)) else ""
    rare = longest if len(longest) >= RARE_LETTERS else ""
    begun = [_begun(word) if word == rare else _first_letters(word) for word in query.words]
    return [[[term for each in begun for term in each], [Term(whole(query.whole), is_prefix=True)]]]


def beginning_patterns(query: Query) -> list[str]:
    return [f"%{word}%" for word in query.words if not is_unspaced(word)]


def phrase_patterns(query: Query) -> list[str]:
    """Of those that cannot stand inside a word."""
    return [
        f"% {' '.join(phrase)} %"
        for phrase in query.phrases
        if not is_unspaced(phrase[0]) and not is_unspaced(phrase[-1])
    ]


def last_stage(query: Query, *, of_few: bool) -> Stage:
    """The widest of the first stages: it holds what the others do."""
    return _first_stages(query, of_few=of_few)[-1]


def later_stage(query: Query, alternatives: Mapping[str, Sequence[str]]) -> Stage:
    """Each word as it is, or one of those it may stand for."""
    return [
        [_as_it_is(word), *([Term(other)] for other in alternatives.get(word, ()) if other != word)]
        for word in query.words
    ]


def tsqueries(kind: Kind, query: Query, stage: Stage, filters: Filters) -> list[str]:
    """One for each shelf, the best first."""
    groups = [
        *stage,
        *([_parts(word)] for phrase in query.phrases for word in phrase),
        *([[Term(term)] for term in group] for group in filters),
    ]
    without = [
        phrase[0] for phrase in query.without if len(phrase) == 1 and not is_unspaced(phrase[0])
    ]
    return [_tsquery(shelf(kind, tier), groups, without) for tier in range(TIERS)]


def _tsquery(place: str, groups: Iterable[Group], without: Iterable[str]) -> str:
    conditions = [
        "(" + " | ".join(" & ".join(term.on(place) for term in each) for each in group) + ")"
        for group in groups
    ]
    return " & ".join([*conditions, *(f"!{Term(word).on(place)}" for word in without)])


def _parts(word: str) -> list[Term]:
    if not is_unspaced(word):
        return [Term(word)]
    if len(word) == 1:
        return [Term(beginning(word))]
    return [Term(pair) for pair in dict.fromkeys(pairs(word))]


def _as_it_is(word: str) -> list[Term]:
    """What the word begins is among its alternatives, unless it is too short to have any."""
    return _parts(word) if len(word) > PREPARED_PREFIX else _begun(word)


def _first_letters(word: str) -> list[Term]:
    return _parts(word) if is_unspaced(word) else [Term(beginning(word[:PREPARED_PREFIX]))]


def _begun(word: str) -> list[Term]:
    if is_unspaced(word):
        return _parts(word)
    if len(word) <= PREPARED_PREFIX:
        return [Term(beginning(word))]
    return [Term(word, is_prefix=True)]
