"""The newest events, in memory once for all who follow: each of them is a place in the ring."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from appview.events.event import Event
from appview.events.log import Page
from xrpc.tasks import first_of

RING_EVENTS = 8_192
RING_BYTES = 16 << 20
BATCH_EVENTS = 64

_SEQ = attrgetter("seq")


class FallenBehind(Exception):
    """What comes next is no longer in the ring."""


class Ring:
    """Holds all events behind `floor`, up to `reached`."""

    def __init__(self, start: int) -> None:
        self.floor = start
        self.reached = start
        self._events: list[Event] = []
        self._bytes = 0
        self._news = asyncio.Event()

    def take(self, page: Page, events: int = RING_EVENTS, size: int = RING_BYTES) -> None:
        if page.trimmed > self.reached:
            # Emptied before we had read it, as by a rebuild: nobody's place holds any more.
            self._drop(len(self._events))
            self.floor = page.trimmed
        self._events += page.events
        self._bytes += sum(event.size for event in page.events)
        self.reached = page.reached
        surplus = max(0, len(self._events) - events)
        freed = sum(event.size for event in self._events[:surplus])
        while self._bytes - freed > size:
            freed += self._events[surplus].size
            surplus += 1
        self._drop(surplus)
        self.wake()

    def _drop(self, count: int) -> None:
        if count:
            self.floor = self._events[count - 1].seq
            self._bytes -= sum(event.size for event in self._events[:count])
            del self._events[:count]

    def after(self, place: int) -> Sequence[Event]:
        """Some of the events behind a place; none when there are no more yet."""
        if place < self.floor:
            raise FallenBehind
        start = bisect_right(self._events, place, key=_SEQ)
        return self._events[start : start + BATCH_EVENTS]

    def wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def news(self, seconds: float) -> None:
        """Wait for more, but no longer than that."""
        await first_of(self._news, seconds)
