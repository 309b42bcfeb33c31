"""The terms under which the index holds a document, and under which a query asks for it.

Every term begins with its shelf, the kind of document and how far up it ranks, so that the best
are looked through first and one kind is never in the way of another.
"""

from collections.abc import Iterator, Sequence
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


def shelf(kind: Kind, tier: int) -> str:
    return f"{LETTERS[kind]}{tier}"


def document_terms(fields: Sequence[Cut]) -> set[str]:
    """What a document is found by, without its shelf: the words, and the first two as a whole."""
    found = {word for field in fields for word in (*field.words, *field.joined)}
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


def misspellings(word: str) -> set[str]:
    """The word with each letter left out: what two spellings one slip apart have in common."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
