"""The repos, counted."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appview.row import Row
from migrations.runner import Connection

# Five failed walks and a repo no longer holds the backfill up, though it is still tried.
REPOS: Final = """
select
    count(*) filter (where state <> 'gone') as total,
    count(*) filter (where state = 'synchronized') as synchronized,
    count(*) filter (
        where state = 'resyncing'
        or state = 'desynchronized' and attempts < 5
    ) as pending,
    count(*) filter (
        where state = 'waiting'
        or state = 'desynchronized' and attempts >= 5
    ) as parked,
    count(*) filter (where synced_at > now() - interval '1 minute') as in_last_minute
from repo
"""

GOOD_FOR_TIMES: Final = 1_000
"""What takes 20 ms to count is 20 seconds old at the most."""


@dataclass(slots=True)
class Census:
    """Remembered for longer the more there is to count, so that asking costs the same."""

    clock: Callable[[], float] = time.monotonic
    _repos: Row | None = None
    _good_until: float = -math.inf

    async def repos(self, connection: Connection) -> Row:
        begun = self.clock()
        if self._repos is None or begun >= self._good_until:
            self._repos = await connection.fetchrow(REPOS)
            assert self._repos is not None
            counted = self.clock()
            self._good_until = counted + GOOD_FOR_TIMES * (counted - begun)
        return self._repos
