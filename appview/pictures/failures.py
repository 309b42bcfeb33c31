"""What did not come, so that its host is not asked again at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from appview.pictures.permits import Source

REMEMBERED: Final = 10_000
FIRST_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 3_600.0


class NoPicture(Exception):
    """There is none, or none that is shown here: asking again soon is of no use."""


class NotNow(Exception):
    """It did not come."""


@dataclass(frozen=True, slots=True)
class Failure:
    kind: type[NoPicture | NotNow]
    why: str
    times: int
    until: float


@dataclass(slots=True)
class Failures:
    clock: Callable[[], float] = time.monotonic
    _failures: LRUCache[Source, Failure] = field(default_factory=lambda: LRUCache(REMEMBERED))

    def check(self, source: Source) -> None:
        """Raises what the last try did, for as long as that is good."""
        failure = self._failures.get(source)
        if failure is not None and self.clock() < failure.until:
            raise failure.kind(failure.why)

    def add(self, source: Source, error: NoPicture | NotNow) -> None:
        before = self._failures.get(source)
        times = 0 if before is None else before.times
        seconds = min(FIRST_SECONDS * 2**times, LONGEST_SECONDS)
        if isinstance(error, NoPicture):
            seconds = LONGEST_SECONDS
        until = self.clock() + seconds
        self._failures[source] = Failure(type(error), str(error), min(times + 1, 10), until)

    def forget(self, source: Source) -> None:
        self._failures.pop(source, None)
