"""Words as search sees them: how a text is cut, alike for who writes the index and who reads it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from lexicons.text import fold

MAX_CHARACTERS = 400
MAX_WORDS = 40
MAX_WORD_CHARACTERS = 48

_HIRAGANA = {code: chr(code - 0x60) for code in range(0x30A1, 0x30F7)}
# Written with or without: don't, dont; the Arabic elongation.
_DROPPED = dict.fromkeys(map(ord, "'`\u02b9\u02bb\u0640"))
_SAME = {ord("ى"): "ي", ord("ی"): "ي", ord("ک"): "ك", ord("ə"): "e"}
_TABLE = _HIRAGANA | _DROPPED | _SAME

# Thai, Lao, Burmese, Khmer, Kana, Han, Hangul: no spaces between words, or words in one another.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = regex.compile(
    rf"\p{{So}}|[{_UNSPACED}]+|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+", regex.V1
)
# !!!, ÷: the words of what has no others. Those that mean something in patterns are left out.
_SIGNS = r"[[\p{P}\p{S}]--[\p{So}'\"\\%_]]"
_SIGN = regex.compile(rf"{_SIGNS}+", regex.V1)
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]|{_SIGNS}", regex.V1)
_TOGETHER = regex.compile(r"[^\s,;:()\[\]]+", regex.V1)


class Cut(NamedTuple):
    """A text's words, and those that punctuation holds together as one: AC/DC, R.E.M., lo-fi.

    `parted` are the parts of those in which an apostrophe stands, by which a document is found,
    too: rock'n'roll, l'amour. One letter before or behind it is no word: l', don't.
    """

    words: tuple[str, ...]
    joined: tuple[str, ...]
    parted: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def forms(self) -> tuple[str, ...]:
        """By any of which a document is found."""
        return (*self.words, *self.joined, *self.parted)


def cut(text: str) -> Cut:
    """In their order; where a script has no spaces, a run of it is one word."""
    spelled = fold(text[:MAX_CHARACTERS])
    folded = spelled.translate(_TABLE)
    found = _cut(folded)
    parted = tuple(_parted(spelled)) if "'" in spelled else ()
    if len(found) < 2:
        return Cut(found or _signs(folded), (), parted[:MAX_WORDS])
    parts = [_cut(piece) for piece in _TOGETHER.findall(folded)]
    joined = ["".join(part)[:MAX_WORD_CHARACTERS] for part in parts if _is_joined(part)]
    return Cut(found, tuple(joined[:MAX_WORDS]), parted[:MAX_WORDS])


def words(text: str) -> tuple[str, ...]:
    return cut(text).words


def _parted(spelled: str) -> Iterator[str]:
    for piece in _TOGETHER.findall(spelled):
        first, *others = [_cut(part.translate(_TABLE)) for part in piece.strip("'").split("'")]
        if others:
            *middle, last = others
            yield from (word for word in first if len(word) > 1)
            yield from (word for part in middle for word in part)
            yield from (word for word in last if len(word) > 1)


def _is_joined(parts: Sequence[str]) -> bool:
    return len(parts) > 1 and not any(map(is_unspaced, parts))


def is_unspaced(word: str) -> bool:
    """Found by any part; signs are, too."""
    return _IS_UNSPACED.match(word) is not None


def is_sign(word: str) -> bool:
    return _SIGN.match(word) is not None


def _signs(folded: str) -> tuple[str, ...]:
    return tuple(sign[:MAX_WORD_CHARACTERS] for sign in _SIGN.findall(folded)[:MAX_WORDS])


def _cut(folded: str) -> tuple[str, ...]:
    return tuple(word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(folded)[:MAX_WORDS])
