"""How much each caller may ask of a server process, and how it is told.

Headers: https://datatracker.ietf.org/doc/html/draft-polli-ratelimit-headers-02, as PDSes send them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from xrpc.caller_rates import CallerRates
from xrpc.errors import rate_limited
from xrpc.replies import RawHeaders


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests at once, and as many again over so many seconds."""

    requests: int
    seconds: int


class RateLimiter:
    """`clock` is for the waiting, `wall` for telling a client the time of day."""

    def __init__(
        self, limit: RateLimit, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._rates = CallerRates(limit.requests / limit.seconds, limit.requests, clock)
        self._wall = wall
        self._fixed: RawHeaders = [
            (b"ratelimit-limit", str(limit.requests).encode()),
            (b"ratelimit-policy", f"{limit.requests};w={limit.seconds}".encode()),
        ]

    def take(self, caller: str) -> RawHeaders:
        """Counts a request and says what is left; raises XrpcError where nothing was."""
        bucket = self._rates.bucket(caller)
        seconds = self._rates.take_from(bucket)
        full_in = (bucket.burst - bucket.level) / bucket.per_second
        headers = [
            *self._fixed,
            (b"ratelimit-remaining", str(int(bucket.level)).encode()),
            (b"ratelimit-reset", str(math.ceil(self._wall() + full_in)).encode()),
        ]
        if seconds:
            raise rate_limited(
                seconds, headers={name.decode(): value.decode() for name, value in headers}
            )
        return headers
