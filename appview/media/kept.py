"""What is kept, open for reading: a file here, or an object in the bucket."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from appview.media.filling import Broken

READ_BYTES: Final = 128 << 10


class Kept(Protocol):
    """`head` is its first 8 KiB, or all of it."""

    @property
    def size(self) -> int: ...

    @property
    def head(self) -> bytes: ...

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeptFile:
    """Does not grow any more; may have lost its name since it was opened."""

    file: BinaryIO
    size: int
    head: bytes

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        async def piece_at(at: int) -> bytes:
            return await piece(self.file, min(stop - at, READ_BYTES), at)

        return in_pieces(piece_at, start, stop)

    def close(self) -> None:
        self.file.close()


async def piece(file: BinaryIO, size: int, at: int) -> bytes:
    """A thread costs more than the bytes where these are in memory already."""
    if hasattr(os, "RWF_NOWAIT"):  # Linux
        buffer = bytearray(size)
        with suppress(OSError):  # they are not, or this file system cannot tell
            count = os.preadv(file.fileno(), [buffer], at, os.RWF_NOWAIT)
            return bytes(memoryview(buffer)[:count])
    return await asyncio.to_thread(os.pread, file.fileno(), size, at)


async def in_pieces(
    piece_at: Callable[[int], Awaitable[bytes]], start: int, stop: int
) -> AsyncIterator[bytes]:
    at = start
    while at < stop:
        chunk = await piece_at(at)
        if not chunk:
            raise Broken("the file ends too early")
        yield chunk
        at += len(chunk)
