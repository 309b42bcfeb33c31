"""A blob for one who reads it, all of it there or still on its way."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from appview.media import metrics
from appview.media.filling import Broken, Filling
from appview.media.kept import READ_BYTES, Kept, piece


class Readable(Protocol):
    def read(self, start: int, stop: int) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Coming:
    """The file that is being written, and what of it is in memory only."""

    file: BinaryIO
    filling: Filling

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        at = start
        while at < stop:
            limit = min(await self.filling.until_readable(at), stop)
            chunk = await self.piece(at, limit)
            if not chunk:
                raise Broken("the file ends too early")
            yield chunk
            at += len(chunk)

    async def piece(self, at: int, limit: int) -> bytes:
        unwritten = self.filling.unwritten_at(at, limit)
        return unwritten or await piece(self.file, min(limit - at, READ_BYTES), at)

    def close(self) -> None:
        self.file.close()


@dataclass(slots=True, eq=False)
class Opened:
    """`size` is None while nobody knows it. What `is_proven` may be kept by whoever gets it."""

    size: int | None
    head: bytes
    is_proven: bool
    _bytes: Readable
    _filling: Filling | None = None

    @classmethod
    def of(cls, kept: Kept) -> "Opened":
        return cls(kept.size, kept.head, is_proven=True, _bytes=kept)

    async def until_kept(self) -> None:
        if self._filling is not None:
            await self._filling.until_kept()

    async def read(self, start: int, stop: int | None) -> AsyncGenerator[bytes, None]:
        """Give the bytes from `start` up to `stop`; raises Broken where they never come."""
        if stop is None:
            assert self._filling is not None
            stop = await self._filling.until_proven()
        # A player's first question is for two bytes, to see how much there is.
        chunks = (
            _once(self.head[start:stop])
            if stop <= len(self.head)
            else self._bytes.read(start, stop)
        )
        async for chunk in chunks:
            metrics.served_bytes_total.inc(len(chunk))
            yield chunk

    def close(self) -> None:
        self._bytes.close()


async def _once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk
