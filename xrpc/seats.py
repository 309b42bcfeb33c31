"""Places for those who stay connected: so many in all, so many for one caller.

Who has one network of IPv6 can have thousands: all of his together are as few callers.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from xrpc import metrics
from xrpc.addresses import site_of
from xrpc.caller_rates import caller
from xrpc.errors import not_enough_resources, rate_limited
from xrpc.rate_limit import RateLimiter

RETRY_SECONDS = 30
CALLERS_OF_SITE = 4


class Seats:
    """`limiter`: connecting counts as a request, or who is sent away would knock for ever."""

    def __init__(self, total: int, per_caller: int, limiter: RateLimiter | None = None) -> None:
        self._total = total
        self._per_caller = per_caller
        self._limiter = limiter
        self._taken: Counter[str] = Counter()
        self._sites: Counter[str] = Counter()

    @contextmanager
    def seat(self, address: str) -> Iterator[None]:
        """Raises XrpcError when none is free."""
        who, site = caller(None, address), site_of(address)
        if self._limiter is not None:
            self._limiter.take(who)
        most_of_site = CALLERS_OF_SITE * self._per_caller
        if self._taken[who] >= self._per_caller or self._sites[site] >= most_of_site:
            raise rate_limited(
                RETRY_SECONDS, f"{self._per_caller} streams are open from your address already"
            )
        if self._taken.total() >= self._total:
            raise not_enough_resources("as many streams are open as this server keeps")
        self._taken[who] += 1
        self._sites[site] += 1
        metrics.subscribers.inc()
        try:
            yield
        finally:
            metrics.subscribers.dec()
            _give_back(self._taken, who)
            _give_back(self._sites, site)


def _give_back(taken: Counter[str], who: str) -> None:
    taken[who] -= 1
    if not taken[who]:
        del taken[who]
