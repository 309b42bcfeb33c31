"""Whole repos on disk, for hosts that do not serve single blocks."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from indexer.repo.car import CarFile
from indexer.walks import BlocksFromCar
from lexicons.syntax import Did
from xrpc.client import Unreachable
from xrpc.remote import HostBusy, Remote, RemoteError

CAR_SECONDS = 1800.0


class NoSpace(Exception):
    """The spool's disk has less left than PLYR_MIN_FREE_BYTES."""


@dataclass(frozen=True, slots=True)
class Spool:
    remote: Remote
    folder: Path
    max_repo_bytes: int
    min_free_bytes: int

    @asynccontextmanager
    async def fetched(self, did: Did, origins: Sequence[str]) -> AsyncIterator[BlocksFromCar]:
        """Hold the repo as the first of the origins that serves it gives it."""
        with tempfile.TemporaryFile(dir=self._folder_with_room()) as file:
            await self._download(did, origins, file)
            yield BlocksFromCar(await asyncio.to_thread(CarFile, file))

    def _folder_with_room(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < self.min_free_bytes:
            raise NoSpace(f"{free} bytes free in {self.folder}")
        return self.folder

    async def _download(self, did: Did, origins: Sequence[str], file: IO[bytes]) -> None:
        for origin in origins:
            file.seek(0)
            file.truncate()
            try:
                async with self.remote.download(
                    origin,
                    "com.atproto.sync.getRepo",
                    [("did", did)],
                    max_bytes=self.max_repo_bytes,
                    timeout_seconds=CAR_SECONDS,
                ) as response:
                    async for chunk in response.chunks():
                        await asyncio.to_thread(file.write, chunk)
            except (RemoteError, Unreachable, HostBusy):
                if origin == origins[-1]:
                    raise
            else:
                return
