"""Places for what may take long because somebody else is slow, on purpose or not.

Where others wait for one, whoever has held a place for longest gives it up: so many are served in
so many seconds, whatever any of them does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice


class Places:
    """`least_seconds`: nobody gives way before that.

    Longer than anybody takes who is not slow on purpose: whoever gives way has to begin anew.
    """

    def __init__(self, total: int, least_seconds: float) -> None:
        self._free = total
        self._least_seconds = least_seconds
        self._waiting = deque[asyncio.Future[None]]()
        # Since when each has been taken, the longest first.
        self._taken: dict[asyncio.Timeout, float] = {}
        self._called_on = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises TimeoutError in whoever has to give way."""
        await self._turn()
        try:
            async with asyncio.timeout(None) as limit:
                self._taken[limit] = asyncio.get_running_loop().time()
                self._call_on_longest()  # who waits may have found fewer
                try:
                    yield
                finally:
                    del self._taken[limit]
        finally:
            self._give_back()

    async def _turn(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._call_on_longest()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
                self._call_on_longest()
            else:  # it was our turn already
                self._give_back()
            raise

    def _give_back(self) -> None:
        """To who waits for longest; nobody else can come in between."""
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
                self._waiting.remove(turn)
                break
        else:
            self._free += 1
        self._call_on_longest()

    def _call_on_longest(self) -> None:
        """As many have a bound as wait."""
        waiting = len(self._waiting)
        longest = islice(self._taken.items(), max(waiting, self._called_on))
        for number, (limit, since) in enumerate(longest):
            bound = since + self._least_seconds if number < waiting else None
            if limit.when() != bound and not limit.expired():
                limit.reschedule(bound)
        self._called_on = waiting
