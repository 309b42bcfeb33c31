"""Identities in memory, between a soft and a hard age; a handle has one holder."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cachetools import LRUCache

from lexicons.syntax import Did, Handle
from xrpc.identity_store import Identity

SOFT_AGE: Final = timedelta(hours=1)
HARD_AGE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Known:
    identity: Identity
    soft_until: datetime
    hard_until: datetime


class IdentityMemory:
    def __init__(self, size: int, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: LRUCache[Did, Known] = LRUCache(size)
        self._holders: LRUCache[Handle, Did] = LRUCache(size)

    def get(self, did: Did) -> Known | None:
        """None past the hard age too."""
        known = self._known.get(did)
        return known if known is not None and self._clock() < known.hard_until else None

    def put(self, identity: Identity) -> None:
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - so that not all are asked for at once
        soft, hard = identity.resolved_at + SOFT_AGE * spread, identity.resolved_at + HARD_AGE
        self._known[identity.did] = Known(identity, soft, hard)
        if identity.handle is not None:
            self.take_handle(identity.handle, unless=identity.did)
            self._holders[identity.handle] = identity.did

    def drop(self, did: Did) -> None:
        self._known.pop(did, None)

    def take_handle(self, handle: Handle, *, unless: Did | None) -> None:
        """From its holder, unless that is the one given."""
        holder = self._holders.get(handle)
        known = self._known.get(holder) if holder is not None and holder != unless else None
        if known is not None and known.identity.handle == handle:
            identity = replace(known.identity, handle=None)
            self._known[identity.did] = replace(known, identity=identity)
