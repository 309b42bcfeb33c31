"""What spellings of a title or a name have in common: case, accents and spaces aside.

Marks that make another letter stay: of Indic, Thai and Japanese ones a word is made, not adorned.
"""

# ruff: noqa: RUF001 - letters that look like others are the subject
import re
import unicodedata
from collections.abc import Sequence

TITLE_KEY_CHARACTERS = 256

# Scripts that write words without spaces between them: Thai to Myanmar, Khmer, kana, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_NO_APOSTROPHE = str.maketrans("", "", "'")

# Letters that Unicode does not decompose, and punctuation that keyboards disagree about.
_PLAIN = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h",
        "ŧ": "t", "ı": "i", "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "′": "'", "“": '"',
        "”": '"', "„": '"', "″": '"', "‐": "-", "‒": "-", "–": "-", "—": "-", "−": "-",
    }
)  # fmt: skip


def fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    # Once more: to fold a case can give what decomposes.
    decomposed = unicodedata.normalize("NFKD", decomposed).translate(_PLAIN)
    letters = "".join(letter for letter in decomposed if not _is_adornment(letter))
    return " ".join(unicodedata.normalize("NFC", letters).split())


def _is_adornment(character: str) -> bool:
    """Accents, Hebrew and Arabic points, by their combining class; what is not seen at all."""
    if character < "\x7f":
        return False
    place = unicodedata.combining(character)
    if place == 0:
        return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"
    return place == 1 or 10 <= place <= 36 or place >= 200


def title_key(title: str) -> str | None:
    """By which titles are the same; None of an empty one. Bounded, since it is indexed."""
    key = fold(title) or " ".join(title.casefold().split())
    return key[:TITLE_KEY_CHARACTERS] or None


def words(text: str) -> Sequence[str]:
    """Letters and digits in a row, folded; a run in a script without spaces is one word."""
    folded = fold(text).translate(_NO_APOSTROPHE)
    spaced = "".join(letter if _is_of_a_word(letter) else " " for letter in folded)
    return [word for run in spaced.split() for word in _WORD.findall(run)]


def is_unspaced(word: str) -> bool:
    return re.match(f"[{_UNSPACED}]", word) is not None


def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
