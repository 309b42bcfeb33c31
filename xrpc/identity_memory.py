"""Identities in memory, between a soft and a hard age, and in the table behind it.

In memory a handle has one holder. Without the database identities are found all the same, only
more slowly.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from cachetools import LRUCache

from lexicons.syntax import Did, Handle
from xrpc.identity_store import Identity, IdentityStore, StoreUnavailable

log = structlog.get_logger(__name__)

SOFT_AGE: Final = timedelta(hours=1)
HARD_AGE: Final = timedelta(hours=24)
REMEMBERED: Final = 100_000
REMEMBERED_UNSAVED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Known:
    identity: Identity
    soft_until: datetime
    hard_until: datetime


class IdentityMemory:
    def __init__(self, store: IdentityStore | None, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._known: LRUCache[Did, Known] = LRUCache(REMEMBERED)
        self._holders: LRUCache[Handle, Did] = LRUCache(REMEMBERED)
        self._unsaved: LRUCache[Did, None] = LRUCache(REMEMBERED_UNSAVED)

    def get(self, did: Did) -> Known | None:
        """None past the hard age too."""
        known = self._known.get(did)
        return known if known is not None and self._clock() < known.hard_until else None

    async def load(self, did: Did) -> Identity | None:
        """From the table, however old."""
        if self._store is None:
            return None
        try:
            return await self._store.load(did)
        except StoreUnavailable as error:
            _note_unavailable(error)
            return None

    async def keep(self, identity: Identity) -> None:
        self.put(identity)
        if self._store is not None:
            await self._write(identity.did, self._store.save(identity))

    async def forget(self, did: Did) -> None:
        self.drop(did)
        if self._store is not None:
            await self._write(did, self._store.forget(did))

    def is_unsaved(self, did: Did) -> bool:
        return did in self._unsaved

    def put(self, identity: Identity) -> None:
        """In memory only."""
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - so that not all are asked for at once
        soft, hard = identity.resolved_at + SOFT_AGE * spread, identity.resolved_at + HARD_AGE
        self._known[identity.did] = Known(identity, soft, hard)
        if identity.handle is not None:
            self.take_handle(identity.handle, unless=identity.did)
            self._holders[identity.handle] = identity.did

    def drop(self, did: Did) -> None:
        """From memory only."""
        self._known.pop(did, None)

    def take_handle(self, handle: Handle, *, unless: Did | None) -> None:
        """From its holder, unless that is the one given."""
        holder = self._holders.get(handle)
        known = self._known.get(holder) if holder is not None and holder != unless else None
        if known is not None and known.identity.handle == handle:
            identity = replace(known.identity, handle=None)
            self._known[identity.did] = replace(known, identity=identity)

    async def _write(self, did: Did, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreUnavailable as error:
            _note_unavailable(error)
            self._unsaved[did] = None
        else:
            self._unsaved.pop(did, None)


def _note_unavailable(error: StoreUnavailable) -> None:
    log.warning("identity store unavailable", error=str(error))
