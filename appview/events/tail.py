"""Following the log: pages from the database of all that has been, then the ring, one for all.

A follower reads what is old at its own pace. One that was in the ring and fell out of it is too
slow; nothing is ever kept for anybody but a place.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from appview.events.event import Event, Wants
from appview.events.log import Page, read_page
from appview.events.reader import Reader
from appview.events.ring import FallenBehind
from migrations.database import Pool
from xrpc.errors import XrpcError, not_enough_resources

START_SECONDS = 10.0
QUIET_SECONDS = 15.0
PAGES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """`reached`: from there it goes on. `is_outdated`: events behind the cursor are gone."""

    events: tuple[Event, ...]
    reached: int
    is_outdated: bool = False


class Tail:
    """`stop`: set when the server is about to end; whoever follows then comes to an end too."""

    def __init__(self, pool: Pool, stop: asyncio.Event | None = None) -> None:
        self._pool = pool
        self._stop = stop or asyncio.Event()
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self._followers = 0
        self._current: Reader | None = None

    async def follow(
        self, cursor: int | None, wants: Wants, quiet_seconds: float = QUIET_SECONDS
    ) -> AsyncGenerator[Batch, None]:
        """Everything behind the cursor, None: from now on. The first batch comes at once.

        Batches without events come when there was nothing wanted for a while.
        """
        async with self._reader() as reader:
            if self._stop.is_set():
                return
            place = reader.ring.reached
            if cursor is None:
                yield Batch((), place)
            else:
                page = await self._page(cursor, wants)
                if cursor > max(page.last, reader.ring.reached):
                    raise XrpcError(
                        400, "FutureCursor", f"cursor: {cursor} is ahead of every event"
                    )
                place = page.reached
                yield Batch(page.events, place, is_outdated=0 < cursor < page.trimmed)
            # What the ring holds may be hidden by now: of the past only the database tells.
            while place < reader.ring.reached and not self._stop.is_set():
                page = await self._page(place, wants)
                if page.trimmed > place:
                    raise too_slow()
                place = page.reached
                yield Batch(page.events, place)
            async for batch in self._follow_ring(reader, place, wants, quiet_seconds):
                yield batch

    async def _follow_ring(
        self, reader: Reader, place: int, wants: Wants, quiet_seconds: float
    ) -> AsyncIterator[Batch]:
        clock = asyncio.get_running_loop().time
        quiet_until = clock() + quiet_seconds
        while not self._stop.is_set():
            reader.check()
            try:
                events = reader.ring.after(place)
            except FallenBehind:
                raise too_slow() from None
            place = events[-1].seq if events else max(place, reader.ring.reached)
            wanted = tuple(event for event in events if wants.include(event))
            if wanted or clock() >= quiet_until:
                yield Batch(wanted, place)
                quiet_until = clock() + quiet_seconds
            elif not events:
                await reader.ring.news(quiet_until - clock())

    async def _page(self, place: int, wants: Wants) -> Page:
        async with self._pages, self._pool.acquire() as connection:
            return await read_page(connection, place, wants)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Reader]:
        """One for all, from the first follower to the last."""
        if self._current is None or self._current.has_ended:
            self._current = Reader(self._pool, self._stop)
        reader = self._current
        self._followers += 1
        try:
            await _started(reader)
            yield reader
        finally:
            self._followers -= 1
            if not self._followers:
                self._current = None
                await reader.close()


async def _started(reader: Reader) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await reader.started.wait()
    except TimeoutError:
        raise not_enough_resources("the database cannot be reached; try again later") from None
    reader.check()


def too_slow() -> XrpcError:
    return XrpcError(400, "ConsumerTooSlow", "events came faster than they were taken")
