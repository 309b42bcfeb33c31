"""How often each caller may ask: a bucket for each, and those who have been quiet are forgotten."""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from cachetools import LRUCache
from starlette.types import Scope

from lexicons.syntax import Did
from xrpc.token_bucket import TokenBucket

CALLERS_REMEMBERED: Final = 20_000
# Whoever has an IPv6 address has this many bits of them.
_HOST_BITS: Final = 64


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
    if viewer is not None:
        return viewer
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS)}/64"
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
