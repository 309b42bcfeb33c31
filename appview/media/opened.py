"""A blob for one who reads it, all of it there or still on its way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from appview.media import metrics
from appview.media.filling import Filling
from appview.media.kept import Kept, read


class Readable(Protocol):
    def read(self, start: int, stop: int) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Coming:
    """The file that is being written."""

    file: BinaryIO
    filling: Filling

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        return read(self.file, start, stop, self.filling.until_readable)

    def close(self) -> None:
        self.file.close()


@dataclass(slots=True, eq=False)
class Opened:
    """`size` is None while nobody knows it. What `is_proven` may be kept by whoever gets it."""

    size: int | None
    head: bytes
    _bytes: Readable
    _filling: Filling | None = None

    @classmethod
    def of(cls, kept: Kept) -> "Opened":
        return cls(kept.size, kept.head, kept)

    @property
    def is_proven(self) -> bool:
        return self._filling is None

    async def until_proven(self) -> None:
        if self._filling is not None:
            await self._filling.until_proven()
            self.size, self._filling = self._filling.received, None

    async def read(self, start: int, stop: int | None) -> AsyncIterator[bytes]:
        """Give the bytes from `start` up to `stop`; raises Broken where they never come."""
        if stop is None:
            await self.until_proven()
            stop = self.size
        assert stop is not None
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
