"""Pictures in our sizes: permitted, fetched, made by a decoder, kept.

However many ask for one, and in whatever size, it is fetched and decoded once.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import structlog
from cachetools import TTLCache

from appview.media.blobs import Blobs
from appview.media.filling import Broken
from appview.media.permits import permit_memory
from appview.pictures.decoders import Decoders
from appview.pictures.failures import Failures, NoPicture, NotNow
from appview.pictures.fetching import MAX_BYTES, Fetching
from appview.pictures.metrics import made_total
from appview.pictures.permits import Address, Blob, Picture, Source, permit
from appview.pictures.protocol import PICTURE, SOUND, Refused
from migrations.database import Pool
from xrpc.client import Trouble, Unreachable
from xrpc.remote import HostBusy, RemoteError
from xrpc.tasks import end

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 8.0  # less than an answer may take
MAKING_SECONDS: Final = 40.0
MOST_WAITING: Final = 500
# Of what is kept: raise it when pictures are made in another way.
VERSION: Final = 1
PASSING: Final = frozenset(
    {Trouble.TIMEOUT, Trouble.DNS, Trouble.CONNECT, Trouble.TLS, Trouble.PROTOCOL}
)
Pictures = dict[str, bytes]


@dataclass(slots=True)
class Gallery:
    blobs: Blobs
    namespace: str
    fetching: Fetching
    decoders: Decoders = field(default_factory=Decoders)
    failures: Failures = field(default_factory=Failures)
    _making: dict[Picture, asyncio.Task[Pictures]] = field(default_factory=dict)
    _permits: TTLCache[Picture, tuple[Source, ...]] = field(default_factory=permit_memory)

    async def get(
        self,
        pool: Pool,
        picture: Picture,
        size: str,
        before_making: Callable[[], None] = lambda: None,
    ) -> bytes:
        """Raises NotShown, NoPicture, NotNow, and what `before_making` does."""
        sources = await self._permit(pool, picture)
        data = await self._kept(picture, sources, size)
        if data is None:
            before_making()
            data = (await self._made(picture, sources))[size]
            await self._permit(pool, picture)  # which may have ended while it came
        return data

    async def _permit(self, pool: Pool, picture: Picture) -> tuple[Source, ...]:
        remembered = self._permits.get(picture)
        if remembered is None:
            remembered = await permit(pool, self.namespace, picture)
            self._permits[picture] = remembered
        return remembered

    async def _kept(self, picture: Picture, sources: tuple[Source, ...], size: str) -> bytes | None:
        for source in sources:
            data = await self.blobs.kept(_key(picture, source, size))
            if data is not None:
                return data
        return None

    async def _made(self, picture: Picture, sources: tuple[Source, ...]) -> Pictures:
        """Once for all who ask."""
        task = self._making.get(picture)
        if task is None:
            if len(self._making) >= MOST_WAITING:
                raise NotNow("too many pictures are being made")
            task = self._making[picture] = asyncio.create_task(self._make(picture, sources))
            task.add_done_callback(lambda _: self._making.pop(picture))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(task)
        except TimeoutError:
            raise NotNow(f"not there after {PATIENCE_SECONDS:.0f} s") from None

    async def close(self) -> None:
        await end(self._making.values())
        await self.decoders.close()

    async def _make(self, picture: Picture, sources: tuple[Source, ...]) -> Pictures:
        troubles: list[NoPicture | NotNow] = []
        for source in sources:
            try:
                self.failures.check(source)
                async with asyncio.timeout(MAKING_SECONDS):
                    made = await self._made_of(source)
            except TimeoutError:
                troubles.append(NotNow(f"not there after {MAKING_SECONDS:.0f} s"))
            except (NoPicture, NotNow) as error:
                troubles.append(error)
            else:
                for size, data in made.items():
                    await self.blobs.keep(_key(picture, source, size), data)
                return made
        raise next((one for one in troubles if isinstance(one, NotNow)), troubles[0])

    async def _made_of(self, source: Source) -> Pictures:
        kind = PICTURE if isinstance(source, Blob | Address) else SOUND
        try:
            async with self._file(source) as file:
                if kind == PICTURE and os.fstat(file.fileno()).st_size > MAX_BYTES:
                    raise Refused(f"more than {MAX_BYTES} bytes")
                made = await self.decoders.make(kind, file)
        except FAILURES as failure:
            error = _judged(failure)
            made_total.labels("refused" if isinstance(error, NoPicture) else "failed").inc()
            self.failures.add(source, error)
            log.info("picture did not come", source=str(source)[:300], error=str(failure)[:300])
            raise error from failure
        self.failures.forget(source)
        made_total.labels("made").inc()
        return made

    @asynccontextmanager
    async def _file(self, source: Source) -> AsyncIterator[BinaryIO]:
        if isinstance(source, Address):
            async with self.fetching.fetched(source.url) as file:
                yield file
        else:
            async with self.blobs.proven(source.did, source.cid) as file:
                yield file


FAILURES: Final = (Refused, Broken, OSError, Unreachable, RemoteError, HostBusy)


def _judged(failure: Exception) -> NoPicture | NotNow:
    """Whether it may come another time."""
    match failure:
        case Refused():
            return NoPicture(str(failure))
        case RemoteError(status=status) if 400 <= status < 500:
            return NoPicture(str(failure))
        case Unreachable(reason=reason) if reason not in PASSING:
            return NoPicture(str(failure))
    return NotNow(str(failure))


def _key(picture: Picture, source: Source, size: str) -> str:
    """Bytes are what their CID says for ever; an address is for as long as its record says so."""
    name = str(picture) if isinstance(source, Address) else f"{type(source).__name__} {source.cid}"
    return f"picture {VERSION} {size} {name}"
