"""Proven blobs on an S3-compatible store, behind the folders of all servers that share it.

Objects are put there whole and read from there in pieces; the least recently used go first.
Without the bucket everything comes from its PDS, as if it had never been there.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import obstore
import structlog
from cachetools import TTLCache
from obstore.exceptions import BaseError
from obstore.store import S3Store

from appview.media import metrics
from appview.media.filling import Broken
from appview.media.kept import READ_BYTES
from appview.media.kinds import HEAD_BYTES
from appview.media.stored import Room, Stored

log = structlog.get_logger(__name__)

# What another server has removed meanwhile is believed to be there for so long.
REMEMBERED: Final = 1_000
REMEMBERED_SECONDS: Final = 60.0
ATTEMPTS: Final = 5
NOT_DONE: Final = (BaseError, OSError)


@dataclass(frozen=True, slots=True)
class KeptObject:
    bucket: "Bucket"
    name: str
    size: int
    head: bytes

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """In pieces: who listens slowly holds no connection to the store."""
        for at in range(start, stop, READ_BYTES):
            try:
                yield await self.bucket.piece(self.name, at, min(at + READ_BYTES, stop))
            except NOT_DONE as error:
                await self.bucket.lose(self.name, error)
                raise Broken(f"{self.name}: the bucket gave none of it: {error}") from error

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Bucket:
    objects: S3Store
    stored: Stored
    _remembered: TTLCache[str, KeptObject] = field(
        default_factory=lambda: TTLCache(REMEMBERED, REMEMBERED_SECONDS, time.monotonic)
    )

    async def find(self, name: str) -> KeptObject | None:
        if (known := self._remembered.get(name)) is not None:
            return known
        size = await self.stored.use(name)
        if size is None:
            return None
        try:
            head = await self.piece(name, 0, min(size, HEAD_BYTES))
        except NOT_DONE as error:
            await self.lose(name, error)
            return None
        found = self._remembered[name] = KeptObject(self, name, size, head)
        return found

    async def put(self, name: str, file: BinaryIO, size: int) -> None:
        """Upload what is whole and proven, where there is room for it or can be made."""
        try:
            room = await self._room(name, size)
            if room is Room.RESERVED:
                await obstore.put_async(self.objects, name, file)
                await self.stored.keep(name)
            metrics.uploads_total.labels(room.value).inc()
        except NOT_DONE as error:
            metrics.uploads_total.labels("failed").inc()
            log.warning("not put into the bucket", name=name, error=str(error)[:300])

    async def piece(self, name: str, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        piece = bytes(await obstore.get_range_async(self.objects, name, start=start, end=stop))
        if len(piece) != stop - start:
            raise OSError(f"{name}: {len(piece)} bytes instead of {stop - start}")
        return piece

    async def lose(self, name: str, error: Exception) -> None:
        """It does not come now; where it is not there at all, it will not come again."""
        self._remembered.pop(name, None)
        if isinstance(error, FileNotFoundError):
            await self.stored.lose(name)
        log.warning("not got from the bucket", name=name, error=str(error)[:300])

    async def reconcile(self) -> None:
        """After a new start of the database, or a bucket that others have tidied up."""
        listed_at = datetime.now(UTC)
        found: list[tuple[str, int]] = []
        try:
            async for some in obstore.list(self.objects):
                found += [(one["path"], one["size"]) for one in some]
        except NOT_DONE as error:
            log.warning("bucket not listed", error=str(error)[:300])
            return
        await self.stored.reconcile(found, listed_at)

    async def _room(self, name: str, size: int) -> Room:
        for _ in range(ATTEMPTS):
            room = await self.stored.reserve(name, size)
            if isinstance(room, Room):
                return room
            await obstore.delete_async(self.objects, room)
            await self.stored.forget(room)
        return Room.NONE


def open_bucket(url: str, stored: Stored) -> Bucket:
    """`url`: s3://bucket/prefix; who we are and where it is stands in the usual AWS_ variables."""
    parts = urlsplit(url)
    objects = S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options={"allow_http": True, "connect_timeout": "5s", "timeout": "60s"},
        retry_config={"max_retries": 2},
    )
    return Bucket(objects, stored)
