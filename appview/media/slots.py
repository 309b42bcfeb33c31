"""Places for answers that are being taken in: so many in all, so many for one address.

A host has as many names as it likes, and a name for each blob; its address it has to have.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

FILLS_AT_ONCE: Final = 32
FILLS_PER_PEER: Final = 8


@dataclass(slots=True)
class _Peer:
    slots: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class Slots:
    total: int = FILLS_AT_ONCE
    per_peer: int = FILLS_PER_PEER
    _all: asyncio.Semaphore = field(init=False)
    _peers: dict[str, _Peer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.total)

    @asynccontextmanager
    async def taken(self, peer: str) -> AsyncIterator[None]:
        one = self._peers.setdefault(peer, _Peer(asyncio.Semaphore(self.per_peer)))
        one.users += 1
        try:
            async with one.slots, self._all:
                yield
        finally:
            one.users -= 1
            if not one.users:
                del self._peers[peer]
