"""One blob on its way into the cache, and all who wait for it.

Whoever asks while it comes is given what has come: from memory at first, since it is hashed and
written while more of it comes. The last of it is held back until the hash is right, so a wrong blob
is never delivered whole; then its listeners are cut off and it is forgotten.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from appview.media.disk import Disk
from appview.media.slots import GaveWay, Slots

HELD_BACK_BYTES: Final = 64 << 10
ROOM_BYTES: Final = 4 << 20
# So much may wait to be written; what comes then is left to the network.
UNWRITTEN_BYTES: Final = 512 << 10
POLL_SECONDS: Final = 0.05


class Broken(Exception):
    """The blob did not come, or what came was not it."""


class Wrong(Broken):
    """Something else came."""


class LeftOff(Broken):
    """Another process began, and did not bring it to its end."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer of a source: how many bytes it says will come, if it says so, and the bytes."""

    size: int | None
    chunks: AsyncIterator[bytes]
    peer: str


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
    """`received` only grows; the first `written` are in `file`. `error` or `is_kept` is the end."""

    name: str
    digest: bytes
    size: int | None = None
    received: int = 0
    written: int = 0
    is_proven: bool = False
    is_kept: bool = False
    error: Exception | None = None
    file: BinaryIO | None = None
    _unwritten: deque[bytes] = field(default_factory=deque)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def readable(self) -> int:
        """How many bytes from the start may be handed out already."""
        if self.is_proven:
            return self.received
        end = self.received if self.size is None else max(self.size, self.received)
        return max(min(self.received, end - HELD_BACK_BYTES), 0)

    def take(self, chunk: bytes) -> None:
        self._unwritten.append(chunk)
        self.received += len(chunk)
        self.move()

    def unwritten(self) -> bytes:
        return b"".join(self._unwritten)

    def unwritten_at(self, at: int, limit: int) -> bytes:
        """A piece that is in memory only; empty where there is none."""
        start = self.written
        for chunk in self._unwritten:
            if start <= at < start + len(chunk):
                return chunk[at - start : limit - start]
            start += len(chunk)
        return b""

    def wrote(self, size: int) -> None:
        self.written += size
        while size > 0:
            size -= len(self._unwritten.popleft())

    def move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def until_readable(self, position: int) -> int:
        """Wait for the byte at that position; answers how many may be read by now."""
        while not self.is_proven and (self.file is None or self.readable <= position):
            await self._next_move()
        return self.readable

    async def until_proven(self) -> int:
        """Answers how many bytes it has."""
        while not self.is_proven:
            await self._next_move()
        return self.received

    async def until_kept(self) -> None:
        while not self.is_kept:
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
    slots: Slots,
) -> None:
    """Take one source's answer into the `.part`; raises Broken unless it is the blob.

    A slot is taken when there is an answer: a host that gives none must not keep those of all.
    """
    writer = _Writer(filling, disk, part)
    try:
        async with fetch() as incoming, slots.taken(incoming.peer, lambda: filling.received):
            begun = time.monotonic()
            disk.check_size(incoming.size)
            filling.size = incoming.size
            async for chunk in incoming.chunks:
                filling.take(chunk)
                await writer.push()
                if not pace.is_kept(filling.received, time.monotonic() - begun):
                    raise Broken(f"{filling.name}: only {filling.received} bytes came so far")
            digest = await writer.finish()
    except GaveWay as error:
        message = f"{filling.name}: only {filling.received} bytes came, and others wait"
        raise Broken(message) from error
    finally:
        await writer.stop()
    if digest != filling.digest:
        raise Wrong(f"{filling.name}: {filling.received} bytes came, and their hash is another")
    filling.size = filling.received
    filling.is_proven = True
    filling.move()  # nobody has to wait for the disk
    await asyncio.to_thread(disk.keep, filling.name, part)
    filling.is_kept = True
    filling.move()


class _Writer:
    """Hashes and writes what has come in one hop to a thread, while more of it comes.

    Whoever is cut off while it waits cuts off no thread: `stop` waits for that.
    """

    def __init__(self, filling: Filling, disk: Disk, part: BinaryIO) -> None:
        self._filling = filling
        self._disk = disk
        self._part = part
        self._hash = hashlib.sha256()
        self._room = 0
        self._writing: asyncio.Task[None] | None = None

    async def push(self) -> None:
        """See to it that what has come is written; raises what went wrong before."""
        behind = self._filling.received - self._filling.written
        if self._writing is not None:
            if not self._writing.done() and behind < UNWRITTEN_BYTES:
                return
            await asyncio.shield(self._writing)
        self._writing = asyncio.create_task(self._write())

    async def finish(self) -> bytes:
        """The hash of all, when it is written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        self._writing = asyncio.create_task(self._write())
        await asyncio.shield(self._writing)
        return self._hash.digest()

    async def stop(self) -> None:
        """No thread is left that writes to the file."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
            if not self._writing.cancelled():
                self._writing.exception()  # seen: what ended the fill is told, be it this or not

    async def _write(self) -> None:
        while chunk := self._filling.unwritten():
            await asyncio.to_thread(self._take, chunk)
            self._filling.wrote(len(chunk))

    def _take(self, chunk: bytes) -> None:
        filling = self._filling
        come = filling.written + len(chunk)
        if come > self._room:
            # As it comes: whoever only says that much will come would empty the cache for nothing.
            self._room = max(come, min(come + ROOM_BYTES, filling.size or come + ROOM_BYTES))
            self._disk.reserve(filling.name, self._room, filling.size)
        self._hash.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[self._part.write(view) :]


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
        raise LeftOff(f"{filling.name}: the process that fetched it gave up")
    filling.is_proven = filling.is_kept = True
    filling.move()
