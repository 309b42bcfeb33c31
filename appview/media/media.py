"""Blobs for whoever may have them: from the cache, or while they come.

One fetch per blob, account and cache, however many ask and in however many processes. Anybody's
record can name a blob of others, so what comes from one account's PDS is only for those who asked
for it there, until it is proven.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import structlog
from cachetools import TTLCache

from appview.media import metrics
from appview.media.bucket import Bucket
from appview.media.disk import OF, Disk, NoRoom
from appview.media.filling import Broken, Fetch, Filling, LeftOff, Pace, fill, follow
from appview.media.kept import Kept, KeptFile, piece
from appview.media.kinds import HEAD_BYTES
from appview.media.opened import Coming, Opened
from appview.media.slots import Slots
from lexicons.cid import Cid
from lexicons.syntax import Did
from xrpc.client import Unreachable
from xrpc.identity import IdentityError
from xrpc.remote import HostBusy, RemoteError
from xrpc.tasks import end

log = structlog.get_logger(__name__)

DIGEST: Final = slice(4, None)  # of a binary CID
# Whoever asks for more is told so: each holds a file open, and a stranger can ask for many.
MOST_FILLS: Final = 400
MOST_PER_HOST: Final = 100
# Who asks for what just failed to come is not a reason to ask its host again.
FAILURES_REMEMBERED: Final = 10_000
FAILURE_SECONDS: Final = 15.0
# Told of every blob that this process has fetched and proven, with its bytes.
Told = Callable[[Cid, BinaryIO], Awaitable[None]]
NOT_COME = (Broken, NoRoom, OSError, RemoteError, HostBusy, Unreachable, IdentityError)


@dataclass(slots=True)
class Media:
    """`open` raises Broken where a blob does not come."""

    disk: Disk
    pace: Pace
    host: Callable[[Did], str]
    """Who is asked for the blobs of an account, as far as it is known."""
    bucket: Bucket | None = None
    told: Told | None = None
    most_fills: int = MOST_FILLS
    _fillings: dict[str, Filling] = field(default_factory=dict)
    _begun: dict[str, tuple[float, asyncio.Task[None]]] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _slots: Slots = field(default_factory=Slots)
    _failed: TTLCache[str, str] = field(
        default_factory=lambda: TTLCache(FAILURES_REMEMBERED, FAILURE_SECONDS, time.monotonic)
    )

    async def open(self, cid: Cid, did: Did, sources: Sequence[Fetch]) -> Opened:
        """The blob, as soon as its first bytes may be handed out."""
        if (kept := await self.find(str(cid))) is not None:
            metrics.found(kept)
            return Opened.of(kept)
        metrics.found(None)
        name = filling_name(cid, did)
        if (why := self._failed.get(name)) is not None:
            raise Broken(why)
        if name not in self._fillings:
            self._begin(name, cid, self.host(did), sources)
        try:
            async with asyncio.timeout(self.pace.patience_seconds):
                return await self._first_bytes(name, cid)
        except TimeoutError:
            raise Broken(f"{cid}: nothing of it has come yet") from None

    @asynccontextmanager
    async def proven(self, cid: Cid, did: Did, sources: Sequence[Fetch]) -> AsyncIterator[BinaryIO]:
        """All of the blob, as a file to read; raises Broken."""
        opened = await self.open(cid, did, sources)
        try:
            await opened.until_kept()
        finally:
            opened.close()
        kept = await self._kept(str(cid))
        if isinstance(kept, KeptFile):
            with kept.file as file:
                yield file
            return
        with tempfile.TemporaryFile() as copy:
            async for chunk in kept.read(0, kept.size):
                await asyncio.to_thread(copy.write, chunk)
            copy.seek(0)
            yield copy

    async def find(self, name: str) -> Kept | None:
        here = await self._find_here(name)
        if here is not None or self.bucket is None:
            return here
        return await self.bucket.find(name)

    async def keep(self, name: str, data: bytes) -> None:
        """What is whole already."""
        await asyncio.to_thread(self.disk.put, name, data)
        await self._upload(name)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do it while this is open."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        await end(self._tasks)

    async def _first_bytes(self, name: str, cid: Cid) -> Opened:
        """A source that failed before its first byte was handed out has only cost time."""
        while True:
            filling = self._fillings[name]
            try:
                await filling.until_readable(0)
            except Broken:
                if self._fillings.get(name) in {None, filling}:
                    raise
                continue
            if filling.file is not None:
                return await _coming(filling, filling.file)
            return Opened.of(await self._kept(str(cid)))

    async def _kept(self, name: str) -> Kept:
        kept = await self.find(name)
        if kept is None:
            raise Broken(f"{name}: it came and went")
        return kept

    async def _find_here(self, name: str) -> KeptFile | None:
        file = self.disk.find(name)
        if file is None:
            return None
        stat = os.fstat(file.fileno())
        if not self.disk.is_use_noted(stat.st_mtime):
            await asyncio.to_thread(self.disk.use, name, file)
        return KeptFile(file, stat.st_size, await piece(file, HEAD_BYTES, 0))

    def _begin(self, name: str, cid: Cid, host: str, sources: Sequence[Fetch]) -> None:
        has_place = len(self._fillings) < self.most_fills or self._give_one_up()
        if self._asked[host] >= MOST_PER_HOST or not has_place:
            raise Broken(f"{cid}: {host} has enough to do, or we have")
        self._asked[host] += 1
        self._fillings[name] = Filling(name, cid.raw[DIGEST])
        task = self.spawn(self._fill_and_tell(name, cid, host, sources))
        self._begun[name] = time.monotonic(), task

    def _give_one_up(self) -> bool:
        """One of which nothing has come for so long that all who asked for it were told so."""
        by_now = time.monotonic() - self.pace.patience_seconds
        for name, (begun, task) in self._begun.items():
            filling = self._fillings.get(name)
            if begun > by_now:
                break
            if filling is not None and not filling.received:
                task.cancel()
                del self._begun[name]
                return True
        return False

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("blob: something that was not foreseen", exc_info=error)

    async def _fill_and_tell(
        self, name: str, cid: Cid, host: str, sources: Sequence[Fetch]
    ) -> None:
        try:
            is_ours = await self._fill(name, cid, sources)
        finally:
            self._begun.pop(name, None)
            self._asked[host] -= 1
            if not self._asked[host]:
                del self._asked[host]
        if not is_ours:
            return
        await self._upload(str(cid))
        file = None if self.told is None else self.disk.find(str(cid))
        if self.told is not None and file is not None:
            with file:
                await self.told(cid, file)

    async def _upload(self, name: str) -> None:
        if self.bucket is None:
            return
        if (here := await self._find_here(name)) is not None:
            with here.file:
                await self.bucket.put(name, here.file, here.size)

    async def _fill(self, name: str, cid: Cid, sources: Sequence[Fetch]) -> bool:
        """Source after source. The next try stands in the table before the last one has failed.

        Answers whether it was this process that fetched it.
        """
        filling = self._fillings[name]
        error: Exception | None = None
        left, has_followed = deque(sources), False
        try:
            while left:
                source = left.popleft()
                try:
                    is_ours = await self._try(filling, source)
                except NOT_COME as failure:
                    error = error or failure
                    metrics.failed(failure)
                    log.info("blob did not come", cid=str(cid), error=str(failure)[:300])
                    if filling.is_proven:
                        break  # it came, and could not be kept
                    if isinstance(failure, LeftOff) and not has_followed:
                        left.appendleft(source)  # which was asked by somebody else, if at all
                        has_followed = True
                else:
                    metrics.came(is_ours=is_ours)
                    return is_ours
                self._fillings[name], before = Filling(name, cid.raw[DIGEST]), filling
                filling = self._fillings[name]
                _end(before, error)
            self._failed[name] = str(error)[:300]
            return False
        finally:
            self._fillings.pop(name)
            if not filling.is_kept:
                _end(filling, error or Broken(f"{name}: nobody is left to ask"))

    async def _try(self, filling: Filling, source: Fetch) -> bool:
        name = filling.name
        try:
            # Some calls about an empty file: to wake a thread takes five times as long.
            part = self.disk.begin(name)
        except BlockingIOError:
            await self._follow(filling)
            return False
        filling.file = part
        try:
            await fill(filling, self.disk, part, source, self.pace, self._slots)
        finally:
            filling.file = None
            await asyncio.to_thread(self.disk.end, name, part)
        return True

    async def _follow(self, filling: Filling) -> None:
        part = await asyncio.to_thread(self.disk.part, filling.name)
        if part is None:
            raise LeftOff(f"{filling.name}: another process has just dealt with it")
        filling.file = part
        try:
            await follow(filling, self.disk, part)
        finally:
            filling.file = None
            part.close()


def filling_name(cid: Cid, did: Did) -> str:
    """A blob and the account it is asked of; a DID may be long, and hold what no file name may."""
    return f"{cid}{OF}{hashlib.sha256(did.encode()).hexdigest()[:32]}"


def _end(filling: Filling, error: Exception) -> None:
    filling.error = error
    filling.move()


async def _coming(filling: Filling, part: BinaryIO) -> Opened:
    file = os.fdopen(os.dup(part.fileno()), "rb", buffering=0)
    coming = Coming(file, filling)
    head = await coming.piece(0, min(filling.readable, HEAD_BYTES))
    return Opened(filling.size, head, filling.is_proven, coming.read, file.close, filling)
