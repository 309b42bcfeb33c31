"""What spellings of a title or a name have in common: case, accents and spaces aside.

Marks that make another letter stay: of Indic, Thai and Japanese ones a word is made, not adorned.
"""

# ruff: noqa: RUF001 - letters that look like others are the subject
import unicodedata

TITLE_KEY_CHARACTERS = 256

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
