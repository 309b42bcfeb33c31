"""What is known of sound by its CID: read once from proven bytes, by a process of its own."""

import asyncio
import os
from dataclasses import astuple, dataclass, field
from typing import BinaryIO, Final

import structlog

from appview import confined
from appview.media.disk import Disk
from appview.playback import metrics
from appview.playback.answer import Facts, Unreadable, parse
from lexicons.cid import Cid, parse_cid
from migrations.database import DATABASE_ERRORS, Pool
from xrpc.places import Places

log = structlog.get_logger(__name__)

AT_ONCE: Final = 2
# Who takes longer does so only while no other sound is to be read.
LEAST_SECONDS: Final = 5.0
# Whoever waits holds a file open. What is not read now is when it is fetched the next time.
MOST_WAITING: Final = 100
WALL_SECONDS: Final = 15.0
ANSWER_BYTES: Final = 10_000
KEEP: Final = """
insert into media.audio_fact (
    cid, size, mime_type, codec, lossless, duration_ms, bitrate, sample_rate, channels, has_picture
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (cid) do nothing
"""
KEEP_TROUBLE: Final = """
insert into media.audio_fact (cid, size, trouble)
values ($1, $2, $3)
on conflict (cid) do nothing
"""
# Pictures are blobs as well; of them there is nothing to tell.
IS_WANTED: Final = """
select exists (select from track where audio_cid = $1)
   and not exists (select from media.audio_fact where cid = $1)
"""
UNREAD: Final = """
select cid
from unnest($1::text[]) as kept (cid)
where exists (select from track where audio_cid = kept.cid)
  and not exists (select from media.audio_fact where audio_fact.cid = kept.cid)
"""


@dataclass(slots=True)
class FactReader:
    pool: Pool
    seconds: float = WALL_SECONDS
    reader: str = "appview.playback.reader"
    _waiting: int = 0
    places: Places = field(default_factory=lambda: Places(AT_ONCE, LEAST_SECONDS))

    async def note(self, cid: Cid, file: BinaryIO) -> None:
        """Of a blob that is proven. What fails here costs nobody the blob."""
        if self._waiting >= MOST_WAITING:
            log.warning("sound not read, too much waits", cid=str(cid))
            return
        self._waiting += 1
        try:
            async with self.places.taken():
                await self._read_if_new(cid, file)
        except TimeoutError:
            log.warning("sound not read, it took too long for those who wait", cid=str(cid))
        except DATABASE_ERRORS as error:
            log.warning("sound not read", cid=str(cid), error=str(error)[:300])
        finally:
            self._waiting -= 1

    async def catch_up(self, disk: Disk) -> None:
        """Read what is kept and was not: who fetched it was ended, busy, or had other tables."""
        names = await asyncio.to_thread(disk.names)
        try:
            unread = await self.pool.fetch(UNREAD, names)
        except DATABASE_ERRORS as error:
            log.warning("sound not read", error=str(error)[:300])
            return
        for row in unread:
            file = await asyncio.to_thread(disk.find, row["cid"])
            if file is not None:
                with file:
                    await self.note(parse_cid(row["cid"]), file)

    async def _read_if_new(self, cid: Cid, file: BinaryIO) -> None:
        if not await self.pool.fetchval(IS_WANTED, str(cid)):
            return
        size = os.fstat(file.fileno()).st_size
        try:
            facts = await self._read(file)
        except Unreadable as trouble:
            log.info("sound not understood", cid=str(cid), error=str(trouble))
            metrics.sounds_total.labels("trouble").inc()
            await self.pool.execute(KEEP_TROUBLE, str(cid), size, str(trouble))
        else:
            metrics.sounds_total.labels("read").inc()
            await self.pool.execute(KEEP, str(cid), size, *astuple(facts))

    async def _read(self, file: BinaryIO) -> Facts:
        process = await confined.start(self.reader, file)
        try:
            async with asyncio.timeout(self.seconds):
                return parse(await process.receive(ANSWER_BYTES))
        except TimeoutError as error:
            raise Unreadable(f"not read in {self.seconds:.0f} s") from error
        finally:
            await process.end()
