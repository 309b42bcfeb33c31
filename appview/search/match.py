"""How well a document matches a query: the class, the field, and the order inside a class. Pure."""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from appview.search.query import Query
from lexicons.terms import FIELDS, Kind, whole
from lexicons.words import is_unspaced

# In doublings of likes.
IN_THE_TITLE = 2.0
BEGINS_THE_TITLE = 1.0
SHORTEST_PART = 3
ALIAS = whole("")


class Class(IntEnum):
    EXACT = 0
    PREFIX = 1
    SUBSTRING = 2
    FUZZY = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Match(NamedTuple):
    """`place` goes before the score in a class: 0 the whole title, 1 the whole credit, 2 others."""

    of: Class
    field: str
    place: int
    slips: int
    bonus: float

    def key(self, rank: float) -> tuple[int, int, int, float]:
        return self.of, self.place, self.slips, -(rank + self.bonus)


class Found(NamedTuple):
    """A word of the query in one field; `slips` are the letters that differ."""

    of: Class
    slips: int
    field: int


def best_match(readings: Sequence[Query], kind: Kind, fields: str) -> Match | None:
    """Of several ways to read what was typed the one that fits best."""
    if len(readings) == 1:
        return match(readings[0], kind, fields)
    found = [match(reading, kind, fields) for reading in readings]
    return min((each for each in found if each is not None), key=_fit, default=None)


def _fit(match: Match) -> tuple[int, int, int, float]:
    return match.key(0.0)


def match(query: Query, kind: Kind, fields: str) -> Match | None:
    """`fields` are a document's lines; None if the query is not met after all."""
    before, _, last = fields.rpartition("\n")
    alias = last if last.startswith(ALIAS) else ""
    text = before if alias else fields
    if any(_as_text(phrase) in text for phrase in query.without):
        return None
    if not all(_as_text(phrase) in text for phrase in query.phrases):
        return None
    asked = query.whole
    if asked and alias.startswith(whole(asked)):
        is_all = alias == whole(asked)
        return Match(Class.EXACT if is_all else Class.PREFIX, FIELDS[kind][-1], 1, 0, 0.0)
    held = [_field(text, text.index(_as_text(phrase))) for phrase in query.phrases]
    of, slips = Class.EXACT, 0
    for word in query.words:
        found = _best(word, text)
        if found is None:
            return None
        of, slips = max(of, found.of), slips + found.slips
        held.append(found.field)
    place = _place(asked, text)
    if place < 2:
        of, slips = Class.EXACT, 0
    bonus = 0.0 if any(held) else IN_THE_TITLE
    if asked and text.startswith(f" {asked}"):
        bonus += BEGINS_THE_TITLE
    return Match(of, FIELDS[kind][_main_field(held)], place, slips, bonus)


def _place(asked: str, text: str) -> int:
    if not asked:
        return 2
    first, _, others = text.partition("\n")
    title, credit = _words(first), _words(others.partition("\n")[0])
    if asked == title or asked in (f"{title} {credit}", f"{credit} {title}"):
        return 0
    return 1 if asked == credit else 2


def _words(line: str) -> str:
    return line.partition("\t")[0].strip()


def _main_field(held: Sequence[int]) -> int:
    """The field that holds most of the query, the first of those that hold as much."""
    return min(held, key=lambda field: (-held.count(field), field)) if len(held) > 1 else held[0]


def _field(text: str, at: int) -> int:
    return text.count("\n", 0, at)


def _as_text(phrase: Sequence[str]) -> str:
    before = "" if is_unspaced(phrase[0]) else " "
    after = "" if is_unspaced(phrase[-1]) else " "
    return f"{before}{' '.join(phrase)}{after}"


def _best(word: str, text: str) -> Found | None:
    """The best that a word is found as, in the first field that has it so."""
    if (at := text.find(f" {word} ")) >= 0:
        return Found(Class.EXACT, 0, _field(text, at))
    if (at := text.find(f" {word}")) >= 0:
        return Found(Class.PREFIX, 0, _field(text, at))
    if _may_be_a_part(word) and (at := text.find(word)) >= 0:
        return Found(Class.SUBSTRING, 0, _field(text, at))
    allowed = allowed_slips(word)
    if not allowed:
        return None
    slips, number = min(
        (distance(word, other, allowed), number)
        for number, line in enumerate(text.split("\n"))
        for other in ("", *line.split())
    )
    return Found(Class.FUZZY, slips, number) if slips <= allowed else None


def _may_be_a_part(word: str) -> bool:
    return len(word) >= SHORTEST_PART or is_unspaced(word)


def allowed_slips(word: str) -> int:
    """Letters that may differ: a short word with another letter is another word."""
    if len(word) < 4 or is_unspaced(word) or word.isdecimal():
        return 0
    return 1 if len(word) < 8 else 2 if len(word) < 12 else 3


@lru_cache(maxsize=10_000)
def distance(one: str, other: str, limit: int) -> int:
    """Letters added, left out, changed or swapped with the next; any more than `limit` is one more.

    This is Damerau's distance in which no letter is touched twice (optimal string alignment).
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(
                last[column] + 1,
                current[column - 1] + 1,
                last[column - 1] + (letter != wanted),
            )
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before_last[column - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before_last, last = last, current
    return min(last[-1], limit + 1)
