"""When what is worked out beforehand is worked out again: seldom enough to be no burden.

Each piece of work rests a multiple of the time that it took. A small index is fresh within a
minute; a large one takes a bounded share of one core, however large.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import structlog

from indexer import metrics
from indexer.ranking.charts import CHARTS, QUERY_SECONDS, Chart, drop_expired, redraw
from indexer.ranking.related import relate_some
from indexer.ranking.sums import sum_up_network, sum_up_tags
from migrations.database import Pool
from migrations.runner import Connection

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
REST_FACTOR = 200
REST_SECONDS = (60.0, 1_800.0)
SWEEP_REST_FACTOR = 1
TOO_MUCH = (asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Work:
    """`do` answers whether more of it waits."""

    name: str
    do: Callable[[Connection], Awaitable[bool]]


@dataclass(slots=True)
class Rankings:
    pool: Pool
    now: Callable[[], datetime]
    clock: Callable[[], float] = time.monotonic
    _due_at: dict[str, float] = field(default_factory=dict)
    _swept: str = ""

    async def run(self) -> None:
        while True:
            await self.work_off()
            await asyncio.sleep(POLL_SECONDS)

    async def work_off(self) -> None:
        """Do, one after the other, what is due."""
        for work in self._works():
            if self._due_at.get(work.name, 0.0) <= self.clock():
                await self._do(work)

    async def refresh(self) -> None:
        """Do everything, due or not."""
        for work in self._works():
            while await self._try(work):
                pass

    def _works(self) -> list[Work]:
        charts = [Work(chart.name, self._redrawing(chart)) for chart in CHARTS]
        return [
            *charts,
            Work("tags", self._tags),
            Work("network", self._network),
            Work("related", self._related),
            Work("expiry", self._expiry),
        ]

    async def _do(self, work: Work) -> None:
        started = self.clock()
        try:
            has_more = await self._try(work)
        except TOO_MUCH as error:
            # Nobody's request depends on it: what was worked out before stands.
            log.warning("not worked out, tried again later", work=work.name, error=str(error))
            has_more = False
        taken = self.clock() - started
        metrics.ranking_seconds.labels(work.name).set(taken)
        self._due_at[work.name] = self.clock() + rest_seconds(taken, has_more=has_more)

    async def _try(self, work: Work) -> bool:
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("set local work_mem = '32MB'")
            return await work.do(connection)

    def _redrawing(self, chart: Chart) -> Callable[[Connection], Awaitable[bool]]:
        async def draw(connection: Connection) -> bool:
            await redraw(connection, chart, self.now())
            return False

        return draw

    async def _tags(self, connection: Connection) -> bool:
        await sum_up_tags(connection, QUERY_SECONDS)
        return False

    async def _network(self, connection: Connection) -> bool:
        await sum_up_network(connection, QUERY_SECONDS)
        return False

    async def _related(self, connection: Connection) -> bool:
        reached = await relate_some(connection, self._swept)
        self._swept = reached or ""
        return reached is not None

    async def _expiry(self, connection: Connection) -> bool:
        await drop_expired(connection, self.now())
        return False


def rest_seconds(taken: float, *, has_more: bool) -> float:
    if has_more:
        return SWEEP_REST_FACTOR * taken
    least, most = REST_SECONDS
    return min(max(REST_FACTOR * taken, least), most)
