"""Places for what may take long because somebody else is slow, on purpose or not.

Where others wait for one, whoever has held a place for longest gives it up: so many are served in
so many seconds, whatever any of them does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice


class Places:
    """`least_seconds`: nobody gives way before that.

    Longer than anybody takes who is not slow on purpose: whoever gives way has to begin anew.
    """

    def __init__(self, total: int, least_seconds: float) -> None:
        self._free = asyncio.Semaphore(total)
        self._least_seconds = least_seconds
        self._waiting = 0
        # Since when each has been taken, the longest first.
        self._taken: dict[asyncio.Timeout, float] = {}
        self._called_on = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises TimeoutError in whoever has to give way."""
        self._waiting += 1
        try:
            self._call_on_longest()
            await self._free.acquire()
        finally:
            self._waiting -= 1
            self._call_on_longest()
        try:
            async with asyncio.timeout(None) as limit:
                self._taken[limit] = asyncio.get_running_loop().time()
                self._call_on_longest()  # who waits may have found fewer
                try:
                    yield
                finally:
                    del self._taken[limit]
        finally:
            self._free.release()
            self._call_on_longest()

    def _call_on_longest(self) -> None:
        """As many have a bound as wait."""
        waiting = self._waiting if self._free.locked() else 0
        longest = islice(self._taken.items(), max(waiting, self._called_on))
        for number, (limit, since) in enumerate(longest):
            if not limit.expired():
                limit.reschedule(since + self._least_seconds if number < waiting else None)
        self._called_on = waiting
