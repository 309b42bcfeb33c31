"""Hot anonymous pages, kept for a moment: one query of the database however many ask."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from xrpc.flights import Flights
from xrpc.replies import Page

MAX_BYTES: Final = 64 * 1024 * 1024
_ENTRY_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True)
class _Kept:
    page: Page
    until: float
    size: int


class PageMemory:
    def __init__(self, clock: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(
            max_bytes, getsizeof=lambda kept: kept.size
        )
        self._flights = Flights()

    def get(self, key: Hashable) -> Page | None:
        kept = self._kept.get(key)
        return kept.page if kept is not None and self._clock() < kept.until else None

    async def get_or_make(
        self, key: Hashable, seconds: float, make: Callable[[], Awaitable[Page]]
    ) -> Page:
        """A page is as old as its making began, so nobody sees one older than `seconds`."""
        page = self.get(key)
        if page is not None:
            return page

        async def make_and_keep() -> Page:
            until = self._clock() + seconds
            made = await make()
            size = _size(key, made)
            if size <= self._kept.maxsize:
                self._kept[key] = _Kept(made, until, size)
            return made

        return await self._flights.join(key, make_and_keep)


def _size(key: Hashable, page: Page) -> int:
    # The compressed form is counted before it is made; a key may be long, and anybody's.
    return 2 * len(page.body) + len(repr(key)) + _ENTRY_BYTES
