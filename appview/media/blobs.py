"""Blobs as the queries use them: permitted, fetched, kept."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import structlog
from cachetools import TTLCache

from appview.media import metrics
from appview.media.bucket import Bucket
from appview.media.disk import Disk, NoRoom
from appview.media.filling import Pace
from appview.media.media import Media, Told
from appview.media.opened import Opened
from appview.media.permits import Permit, permit, permit_memory
from appview.media.sources import Sources
from lexicons.cid import Cid
from lexicons.syntax import Did
from migrations.database import Pool

log = structlog.get_logger(__name__)

DEFAULT: Final = Pace()


@dataclass(frozen=True, slots=True)
class Blobs:
    media: Media
    sources: Sources
    _permits: TTLCache[tuple[Did, Cid], Permit] = field(default_factory=permit_memory)
    before_close: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Of those who work on blobs."""

    async def permit(self, pool: Pool, did: Did, cid: Cid) -> Permit:
        """Raises NotReferenced, TakenDown."""
        remembered = self._permits.get((did, cid))
        if remembered is None:
            remembered = self._permits[did, cid] = await permit(pool, did, cid)
        return remembered

    async def open(self, permitted: Permit, url: str | None = None) -> Opened:
        """Raises Broken where it does not come. `url`: of a trusted host, to be asked last."""
        sources = self.sources.of(permitted.did, str(permitted.cid), url)
        return await self.media.open(permitted.cid, permitted.did, sources)

    def proven(self, did: Did, cid: Cid) -> AbstractAsyncContextManager[BinaryIO]:
        """All of a blob, as a file to read in a thread; raises Broken where it does not come.

        Whether it may be had is for the caller to ask.
        """
        return self.media.proven(cid, did, self.sources.of(did, str(cid)))

    async def keep(self, key: str, data: bytes) -> None:
        """What was made of a blob, for as long as there is room beside the blobs."""
        try:
            await self.media.keep(_name(key), data)
        except (NoRoom, OSError) as error:
            log.warning("not kept", key=key, error=str(error)[:300])

    async def kept(self, key: str) -> bytes | None:
        kept = await self.media.find(_name(key))
        if kept is None:
            return None
        try:
            return b"".join([chunk async for chunk in kept.read(0, kept.size)])
        finally:
            kept.close()


def _name(key: str) -> str:
    """Other than any CID."""
    return "made-" + hashlib.sha256(key.encode()).hexdigest()


@asynccontextmanager
async def open_blobs(
    disk: Disk,
    sources: Sources,
    pace: Pace = DEFAULT,
    bucket: Bucket | None = None,
    told: Told | None = None,
) -> AsyncIterator[Blobs]:
    """`told` of every blob that is newly proven, by the process that fetched it."""
    disk.open()
    metrics.weigh(disk)
    media = Media(disk, pace, sources.host, bucket, told)
    if bucket is not None:
        media.spawn(bucket.reconcile())
    blobs = Blobs(media, sources)
    try:
        async with blobs.before_close:
            yield blobs
    finally:
        await media.close()
        metrics.weigh(None)
        disk.close()
