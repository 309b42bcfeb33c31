"""How well a document matches a query: the class, the field, and the order inside a class. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

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


@dataclass(frozen=True, slots=True)
class Match:
    """`place` goes before the score in a class: 0 the whole title, 1 the whole credit, 2 others."""

    of: Class
    field: str
    place: int
    slips: int
    bonus: float

    def key(self, rank: float) -> tuple[int, int, int, float]:
        return self.of, self.place, self.slips, -(rank + self.bonus)


@dataclass(frozen=True, slots=True)
class Found:
    """A word of the query in one field; `slips` are the letters that differ."""

    of: Class
    slips: int = 0


def match(query: Query, kind: Kind, fields: str) -> Match | None:
    """`fields` are a document's lines; None if the query is not met after all."""
    lines = fields.split("\n")
    alias = lines.pop() if lines[-1].startswith(ALIAS) else None
    if any(_has(lines, phrase) for phrase in query.without):
        return None
    if not all(_has(lines, phrase) for phrase in query.phrases):
        return None
    if alias is not None and query.whole and alias.startswith(whole(query.whole)):
        is_all = alias == whole(query.whole)
        return Match(Class.EXACT if is_all else Class.PREFIX, FIELDS[kind][-1], 1, 0, 0.0)
    texts = [line.split("\t")[0].strip() for line in lines]
    place = _place(query, texts)
    best: list[tuple[Found, int]] = []
    for word in query.words:
        found = _best(word, lines)
        if found is None:
            return None
        best.append(found)
    of = Class.EXACT if place < 2 else max((each.of for each, _ in best), default=Class.EXACT)
    in_title = all(number == 0 for _, number in best) and all(
        _has(lines[:1], phrase) for phrase in query.phrases
    )
    bonus = IN_THE_TITLE * in_title
    if query.whole and texts[0].startswith(query.whole):
        bonus += BEGINS_THE_TITLE
    slips = 0 if place < 2 else sum(each.slips for each, _ in best)
    return Match(of, FIELDS[kind][_main_field(query, lines, best)], place, slips, bonus)


def _place(query: Query, texts: Sequence[str]) -> int:
    whole = query.whole
    if not whole:
        return 2
    title, credit = texts[0], texts[1] if len(texts) > 1 else ""
    if whole == title or whole in (f"{title} {credit}", f"{credit} {title}"):
        return 0
    return 1 if whole == credit else 2


def _main_field(query: Query, lines: Sequence[str], best: Sequence[tuple[Found, int]]) -> int:
    """The field that holds most of the query, the first of those that hold as much."""
    held = [number for _, number in best]
    held += [
        next(number for number, line in enumerate(lines) if _has([line], phrase))
        for phrase in query.phrases
    ]
    return max(range(len(lines)), key=lambda number: (held.count(number), -number))


def _has(lines: Sequence[str], phrase: Sequence[str]) -> bool:
    before = "" if is_unspaced(phrase[0]) else " "
    after = "" if is_unspaced(phrase[-1]) else " "
    text = f"{before}{' '.join(phrase)}{after}"
    return any(text in line for line in lines)


def _best(word: str, lines: Sequence[str]) -> tuple[Found, int] | None:
    """The best that a word is found as, and the number of the first field that has it so."""
    best = min(
        ((_in_line(word, line), number) for number, line in enumerate(lines) if word in line),
        default=None,
    )
    if best is not None and best[0] < Class.FUZZY:
        return Found(Class(best[0])), best[1]
    allowed = allowed_slips(word)
    if not allowed:
        return None
    slips, number = min(
        (distance(word, other, allowed), number)
        for number, line in enumerate(lines)
        for other in ("", *line.split())
    )
    return (Found(Class.FUZZY, slips), number) if slips <= allowed else None


def _in_line(word: str, line: str) -> int:
    """The class of a word that is somewhere in a line; a part of three letters or more is one."""
    if f" {word} " in line:
        return Class.EXACT
    if f" {word}" in line:
        return Class.PREFIX
    return Class.SUBSTRING if len(word) >= SHORTEST_PART or is_unspaced(word) else Class.FUZZY


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
