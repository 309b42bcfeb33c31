"""Blobs as the queries use them: permitted, fetched, kept."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from cachetools import TTLCache

from appview.media.disk import Disk
from appview.media.filling import Pace
from appview.media.media import Media, Opened
from appview.media.permits import Permit, permit
from appview.media.sources import Sources
from lexicons.cid import Cid
from lexicons.syntax import Did
from migrations.database import Pool

# A player asks for many ranges of one blob; whoever hides it waits no longer than this.
PERMIT_SECONDS: Final = 0.8
PERMITS_REMEMBERED: Final = 10_000
DEFAULT: Final = Pace()


@dataclass(frozen=True, slots=True)
class Blobs:
    media: Media
    sources: Sources
    _permits: TTLCache[tuple[Did, Cid], Permit] = field(
        default_factory=lambda: TTLCache(PERMITS_REMEMBERED, PERMIT_SECONDS, time.monotonic)
    )

    async def permit(self, pool: Pool, did: Did, cid: Cid) -> Permit:
        """Raises NotReferenced, TakenDown."""
        remembered = self._permits.get((did, cid))
        if remembered is None:
            remembered = self._permits[did, cid] = await permit(pool, did, cid)
        return remembered

    async def open(self, permitted: Permit, url: str | None = None) -> Opened:
        """Raises Broken where it does not come. `url`: of a trusted host, to be asked last."""
        sources = self.sources.of(permitted.did, str(permitted.cid), url)
        return await self.media.open(permitted.cid, sources)


@asynccontextmanager
async def open_blobs(disk: Disk, sources: Sources, pace: Pace = DEFAULT) -> AsyncIterator[Blobs]:
    disk.open()
    media = Media(disk, pace)
    try:
        yield Blobs(media, sources)
    finally:
        await media.close()
