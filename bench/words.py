"""Words for titles, names and tags, made by rule: always the same, the most common ones first."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

PARTS = Path(__file__).with_name("words.txt")
LATIN_WORDS = 8_000
WORDS_OF_ANOTHER_SCRIPT = 800


def words() -> Mapping[str, Sequence[str]]:
    """By script."""
    parts = _parts()
    common = parts.pop("common")
    chance = random.Random(1)
    made = {
        script: islice(_words(syllables, chance), WORDS_OF_ANOTHER_SCRIPT)
        for script, syllables in parts.items()
        if script != "latin"
    }
    latin = islice(chain(common, _words(parts["latin"], chance)), LATIN_WORDS)
    return {script: list(dict.fromkeys(some)) for script, some in [("latin", latin), *made.items()]}


def _words(syllables: Sequence[str], chance: random.Random) -> Iterator[str]:
    while True:
        yield "".join(chance.choices(syllables, k=chance.choice((2, 2, 3, 3, 4))))


def _parts() -> dict[str, list[str]]:
    """A line that is indented goes on with the one before it."""
    lines = PARTS.read_text("utf-8").replace("\n  ", " ").splitlines()
    named = (line.partition(": ") for line in lines if not line.startswith("#"))
    return {name: rest.split() for name, _, rest in named}
