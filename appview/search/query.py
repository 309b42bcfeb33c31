"""What was typed, taken apart: words, "phrases" and -what is not wanted. Pure."""

import re
from dataclasses import dataclass, replace

from lexicons.words import cut, is_sign

MAX_WORDS = 10
MAX_EXCLUDED = 10
MAX_CHARACTERS = 300

_QUOTES = str.maketrans("\u201c\u201d\u201e\u201f\u00ab\u00bb", '""""""')
_PART = re.compile(r'(?:(?<=\s)|^)(-?)"([^"]*)"|(?:(?<=\s)|^)(-?)(\S+)')


@dataclass(frozen=True, slots=True)
class Query:
    """All folded. `joined` are the words where punctuation joins instead of parting: R.E.M."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    without: tuple[tuple[str, ...], ...] = ()
    joined: tuple[str, ...] = ()

    @property
    def readings(self) -> "tuple[Query, ...]":
        """As words, and where punctuation parts some, as what it joins."""
        if self.joined == self.words:
            return (self,)
        return self, replace(self, words=self.joined)

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.phrases

    @property
    def whole(self) -> str:
        """What a title is that is meant as a whole; empty if only a part of it can be."""
        if not self.phrases:
            return " ".join(self.words)
        return " ".join(self.phrases[0]) if len(self.phrases) == 1 and not self.words else ""


def parse_query(text: str) -> Query:
    plain: list[str] = []
    phrases: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []
    joined: list[str] = []
    signs: list[str] = []
    for not_phrase, phrase, not_word, word in _PART.findall(
        text[:MAX_CHARACTERS].translate(_QUOTES)
    ):
        found = cut(phrase or word)
        if not found.words or is_sign(found.words[0]):
            signs += found.words
        elif not_phrase or not_word:
            without.append(found.words)
        elif phrase:
            phrases.append(found.words)
        else:
            plain += found.words
            joined += found.joined or found.words
    if not (plain or phrases or without):
        plain = joined = signs
    return Query(
        tuple(plain[:MAX_WORDS]),
        tuple(phrase[:MAX_WORDS] for phrase in phrases[:MAX_WORDS]),
        tuple(without[:MAX_EXCLUDED]),
        tuple(joined[:MAX_WORDS]),
    )
