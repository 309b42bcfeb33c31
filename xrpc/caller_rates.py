"""How often each caller may ask: a bucket for each, and those who have been quiet are forgotten."""

import math
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache
from starlette.types import Scope

from lexicons.syntax import Did
from xrpc.addresses import network_of
from xrpc.token_bucket import TokenBucket

CALLERS_REMEMBERED: Final = 20_000


class CallerRates:
    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(CALLERS_REMEMBERED)

    def take(self, caller: str) -> int:
        """Whole seconds until the caller may ask again; 0 for now, and that counts."""
        return self.take_from(self.bucket(caller))

    def take_from(self, bucket: TokenBucket) -> int:
        if bucket.take(self._clock()):
            return 0
        return math.ceil((1 - bucket.level) / bucket.per_second)

    def bucket(self, caller: str) -> TokenBucket:
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = TokenBucket.full(self._per_second, self._burst, self._clock())
            self._buckets[caller] = bucket
        return bucket


def caller(viewer: Did | None, address: str) -> str:
    """Whom a rate is for: the viewer where one is proven, else where the request came from."""
    return network_of(address) if viewer is None else viewer


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
