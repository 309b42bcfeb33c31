"""What a planted bug is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands once in `file`; with `new` in its place `breaks` is true, and `tests` notice."""

    name: str
    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]

    def planted(self, source: str) -> str:
        return source.replace(self.old, self.new)
