"""The terms under which the index holds a document, and under which a query asks for it.

Every term begins with its shelf, the kind of document and how far up it ranks, so that the best
are looked through first and one kind is never in the way of another.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal

from lexicons.words import Cut, is_unspaced

Kind = Literal["actor", "track", "list", "album"]

FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "actor": ("displayName", "handle"),
    "track": ("title", "artist", "album", "tags"),
    "list": ("name", "author"),
    "album": ("title", "author"),
}
LETTERS: Final[dict[Kind, str]] = {"actor": "a", "track": "t", "list": "l", "album": "b"}
TIERS: Final = 6
"""0 holds the best of a kind; each further one some four times as many as those before it."""

PREPARED_PREFIX: Final = 3
WHOLE_CHARACTERS: Final = 100
ATTRIBUTE_CHARACTERS: Final = 300

OLDEST_YEAR: Final = 2019
"""What is older is counted to it."""
# To look for more terms costs more than to sift what fewer bring too much.
MOST_DAYS: Final = 16
MOST_MONTHS: Final = 12
LENGTHS: Final = (
    *range(30_000, 300_000, 30_000),
    *range(300_000, 600_000, 60_000),
    *(minutes * 60_000 for minutes in (10, 15, 20, 30, 45, 60, 90, 120)),
)
"""Milliseconds at which a further class of lengths begins."""


def shelf(kind: Kind, tier: int) -> str:
    return f"{LETTERS[kind]}{tier}"


def document_terms(fields: Sequence[Cut]) -> set[str]:
    """What a document is found by, without its shelf: the words, and the first two as a whole."""
    found = {word for field in fields for word in field.forms}
    terms = {term for word in found for term in _word_terms(word)}
    title, credit = fields[0].text, fields[1].text
    terms.update(whole(text) for text in (title, credit) if text)
    if title and credit:
        terms |= {whole(f"{title} {credit}"), whole(f"{credit} {title}")}
    return terms


def _word_terms(word: str) -> Iterator[str]:
    if is_unspaced(word):
        yield from pairs(word)
        yield from (beginning(letter) for letter in word)
        return
    yield word
    for length in range(1, min(PREPARED_PREFIX, len(word)) + 1):
        yield beginning(word[:length])


def pairs(word: str) -> tuple[str, ...]:
    """Any part of the word is made of some of them."""
    return tuple(word[at : at + 2] for at in range(len(word) - 1))


def whole(text: str) -> str:
    return f"={text[:WHOLE_CHARACTERS]}"


def beginning(letters: str) -> str:
    """Of a word, as far as it is prepared: one letter, two or three."""
    return f"^{letters}"


def attribute(name: str, value: str) -> str:
    """In one line: queries are told apart by theirs."""
    return " ".join(f"@{name} {value}".split())[:ATTRIBUTE_CHARACTERS]


def of_time(at: datetime) -> tuple[str, str, str]:
    """Its year, month and day."""
    day = at.date()
    return _year(day.year), _month(day.year, day.month), _day(day)


def between(since: datetime, until: datetime) -> list[str]:
    """One of them has whatever is of that time: days of some, months of many, else years."""
    if since >= until:
        return []
    first, last = since.date(), (until - datetime.resolution).date()
    days = (last - first).days + 1
    if days <= MOST_DAYS:
        return [_day(first + timedelta(days=number)) for number in range(days)]
    begin, end = (12 * day.year + day.month - 1 for day in (first, last))
    if end - begin < MOST_MONTHS:
        return [_month(number // 12, number % 12 + 1) for number in range(begin, end + 1)]
    years = range(max(first.year, OLDEST_YEAR), max(last.year, OLDEST_YEAR) + 1)
    return [_year(year) for year in years]


def _year(year: int) -> str:
    return attribute("at", str(max(year, OLDEST_YEAR)))


def _month(year: int, month: int) -> str:
    return attribute("at", f"{year:04}-{month:02}")


def _day(day: date) -> str:
    return attribute("at", day.isoformat())


def of_length(duration_ms: int) -> str:
    return attribute("length", str(bisect_right(LENGTHS, duration_ms)))


def as_long(min_ms: int | None, max_ms: int | None) -> list[str]:
    """One of them has whatever is as long."""
    shortest = 0 if min_ms is None else bisect_right(LENGTHS, min_ms)
    longest = len(LENGTHS) if max_ms is None else bisect_right(LENGTHS, max_ms)
    return [attribute("length", str(number)) for number in range(shortest, longest + 1)]


def misspellings(word: str) -> set[str]:
    """The word with each letter left out: what two spellings one slip apart have in common."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
