"""Words as search sees them: how a text is cut, alike for who writes the index and who reads it."""

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
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]", regex.V1)
_TOGETHER = regex.compile(r"[^\s,;:()\[\]]+", regex.V1)


def words(text: str) -> list[str]:
    """In their order; where a script has no spaces, a run of it is one word."""
    return _cut(_folded(text))


def joined_words(text: str) -> list[str]:
    """What punctuation holds together, as one word: AC/DC, R.E.M., lo-fi."""
    joined = []
    for piece in _TOGETHER.findall(_folded(text)):
        parts = _cut(piece)
        if len(parts) > 1 and not any(map(is_unspaced, parts)):
            joined.append("".join(parts)[:MAX_WORD_CHARACTERS])
    return joined[:MAX_WORDS]


def is_unspaced(word: str) -> bool:
    return _IS_UNSPACED.match(word) is not None


def _folded(text: str) -> str:
    return fold(text[:MAX_CHARACTERS]).translate(_TABLE)


def _cut(folded: str) -> list[str]:
    return [word[:MAX_WORD_CHARACTERS] for word in _WORD.findall(folded)[:MAX_WORDS]]
