"""Pictures from anybody's address: few at a time of one host, so that a slow one is slow alone.

Nor do many: the one that has taken longest gives way to who waits.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from appview.pictures.failures import NotNow
from xrpc.client import Trouble, Unreachable
from xrpc.places import Places
from xrpc.remote import Remote
from xrpc.tasks import to_its_end

MAX_BYTES: Final = 20 << 20
FETCH_SECONDS: Final = 20.0
AT_ONCE: Final = 32
LEAST_SECONDS: Final = 5.0
AT_ONCE_PER_HOST: Final = 4
MOST_PER_HOST: Final = 100


@dataclass(slots=True, eq=False)
class Host:
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_PER_HOST))
    asked_for: int = 0


@dataclass(slots=True)
class Fetching:
    remote: Remote
    places: Places = field(default_factory=lambda: Places(AT_ONCE, LEAST_SECONDS))
    _hosts: dict[str, Host] = field(default_factory=dict)

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[BinaryIO]:
        """What is there, on disk; raises Unreachable, RemoteError, HostBusy, NotNow, OSError."""
        with tempfile.TemporaryFile(buffering=0) as file:
            async with self._turn(url), self.places.taken():
                await self._fetch(url, file)
            yield file

    async def _fetch(self, url: str, file: Any) -> None:  # noqa: ANN401 - unbuffered
        async with self.remote.open(
            url, max_bytes=MAX_BYTES, timeout_seconds=FETCH_SECONDS
        ) as response:
            async for chunk in response.chunks():
                await to_its_end(file.write, chunk)

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[None]:
        try:
            name = urlsplit(url).netloc
        except ValueError as error:
            raise Unreachable(Trouble.REFUSED_URL, f"{url[:200]!r}: {error}") from error
        host = self._hosts.setdefault(name, Host())
        if host.asked_for >= MOST_PER_HOST:
            raise NotNow(f"{name} has enough to do")
        host.asked_for += 1
        try:
            async with host.turns:
                yield
        finally:
            host.asked_for -= 1
            if not host.asked_for:
                del self._hosts[name]
