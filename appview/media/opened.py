"""A blob for one who reads it, all of it there or still on its way."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import BinaryIO

from appview.media import metrics
from appview.media.filling import Filling
from appview.media.kept import READ_BYTES, Kept, in_pieces, piece


@dataclass(frozen=True, slots=True)
class Coming:
    """The file that is being written, and what of it is in memory only."""

    file: BinaryIO
    filling: Filling

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        async def piece_at(at: int) -> bytes:
            return await self.piece(at, min(await self.filling.until_readable(at), stop))

        return in_pieces(piece_at, start, stop)

    async def piece(self, at: int, limit: int) -> bytes:
        unwritten = self.filling.unwritten_at(at, limit)
        return unwritten or await piece(self.file, min(limit - at, READ_BYTES), at)


@dataclass(slots=True, eq=False)
class Opened:
    """`size` is None while nobody knows it. What `is_proven` may be kept by whoever gets it."""

    size: int | None
    head: bytes
    is_proven: bool
    _read: Callable[[int, int], AsyncIterator[bytes]]
    close: Callable[[], None]
    _filling: Filling | None = None

    @classmethod
    def of(cls, kept: Kept) -> "Opened":
        return cls(kept.size, kept.head, is_proven=True, _read=kept.read, close=kept.close)

    async def until_kept(self) -> None:
        if self._filling is not None:
            await self._filling.until_kept()

    async def read(self, start: int, stop: int | None) -> AsyncGenerator[bytes, None]:
        """Give the bytes from `start` up to `stop`; raises Broken where they never come."""
        if stop is None:
            assert self._filling is not None
            stop = await self._filling.until_proven()
        # A player's first question is for two bytes, to see how much there is.
        chunks = _once(self.head[start:stop]) if stop <= len(self.head) else self._read(start, stop)
        async for chunk in chunks:
            metrics.served_bytes_total.inc(len(chunk))
            yield chunk


async def _once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk
