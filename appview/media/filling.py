"""One blob on its way into the cache, and all who wait for it.

Whoever asks while it comes is given what has come. The last of it is held back until the hash is
right, so a wrong blob is never delivered whole; then its listeners are cut off and it is forgotten.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from appview.media.disk import Disk

HELD_BACK_BYTES: Final = 64 << 10
ROOM_BYTES: Final = 4 << 20
POLL_SECONDS: Final = 0.05


class Broken(Exception):
    """The blob did not come, or what came was not it."""


class Wrong(Broken):
    """Something else came."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer of a source: how many bytes it says will come, if it says so, and the bytes."""

    size: int | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Pace:
    """Who sends less than this keeps a place that others wait for."""

    bytes_a_second: float = 32 << 10
    grace_seconds: float = 20.0
    patience_seconds: float = 8.0
    """How long who asks is kept waiting for the first of it."""

    def is_kept(self, received: int, seconds: float) -> bool:
        return received >= (seconds - self.grace_seconds) * self.bytes_a_second


Fetch = Callable[[], AbstractAsyncContextManager[Incoming]]


@dataclass(slots=True, eq=False)
class Filling:
    """`received` only grows; `file` has that much. `error` or `is_proven` is the end."""

    name: str
    digest: bytes
    size: int | None = None
    received: int = 0
    is_proven: bool = False
    error: Exception | None = None
    file: BinaryIO | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def readable(self) -> int:
        """How many bytes from the start may be handed out already."""
        if self.is_proven:
            return self.received
        end = self.received if self.size is None else max(self.size, self.received)
        return max(min(self.received, end - HELD_BACK_BYTES), 0)

    def move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def until_readable(self, position: int) -> int:
        """Wait for the byte at that position; answers how many may be read by now."""
        while not self.is_proven and (self.file is None or self.readable <= position):
            await self._next_move()
        return self.readable

    async def until_proven(self) -> None:
        while not self.is_proven:
            await self._next_move()

    async def _next_move(self) -> None:
        if self.error is not None:
            raise Broken(str(self.error)) from self.error
        await self._moved.wait()


async def fill(
    filling: Filling,
    disk: Disk,
    part: BinaryIO,
    fetch: Fetch,
    pace: Pace,
    slots: asyncio.Semaphore,
) -> None:
    """Take one source's answer into the `.part`; raises Broken unless it is the blob.

    A slot is taken when there is an answer: a host that gives none must not keep those of all.
    """
    hashed = hashlib.sha256()
    room = 0

    def take(chunk: bytes) -> None:
        nonlocal room
        come = filling.received + len(chunk)
        if come > room:
            # As it comes: whoever only says that much will come would empty the cache for nothing.
            room = max(come, min(come + ROOM_BYTES, filling.size or come + ROOM_BYTES))
            disk.reserve(filling.name, room, filling.size)
        hashed.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[part.write(view) :]

    async with fetch() as incoming, slots:
        begun = time.monotonic()
        filling.size = incoming.size
        filling.move()
        async for chunk in incoming.chunks:
            await asyncio.to_thread(take, chunk)
            filling.received += len(chunk)
            filling.move()
            if not pace.is_kept(filling.received, time.monotonic() - begun):
                raise Broken(f"{filling.name}: only {filling.received} bytes came so far")
    if hashed.digest() != filling.digest:
        raise Wrong(f"{filling.name}: {filling.received} bytes came, and their hash is another")
    await asyncio.to_thread(disk.keep, filling.name, part)
    filling.size = filling.received
    filling.is_proven = True
    filling.move()


async def follow(filling: Filling, disk: Disk, part: BinaryIO) -> None:
    """As `fill`, of a blob that another process fills: one of them fetches for all."""
    while True:
        look = await asyncio.to_thread(disk.look, filling.name, part)
        filling.received, filling.size = max(look.received, filling.received), look.size
        if look.is_over:
            break
        filling.move()
        await asyncio.sleep(POLL_SECONDS)
    if not look.is_kept:
        raise Broken(f"{filling.name}: the process that fetched it gave up")
    filling.is_proven = True
    filling.move()
