"""What reads the end of the log into the ring, as long as anybody follows.

Woken by Postgres, and looking by itself besides: notifications get lost with their connection, and
some poolers carry none.
"""

import asyncio

import structlog

from appview.events.event import Wants
from appview.events.log import CHANNEL, read_page
from appview.events.ring import Ring
from migrations.database import DATABASE_AWAY, Pool
from migrations.runner import Connection
from xrpc.tasks import end, first_of

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
EVERYTHING = Wants()


class Reader:
    """Reads from its making until it is closed or stopped."""

    def __init__(self, pool: Pool, stop: asyncio.Event) -> None:
        self.started = asyncio.Event()
        self._ring: Ring | None = None
        self._pool = pool
        self._stop = stop
        self._knock = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._wake_all())

    @property
    def ring(self) -> Ring:
        """There once `started` is set, unless it was stopped before."""
        assert self._ring is not None
        return self._ring

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    def check(self) -> None:
        """Raise what has ended it."""
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        await end([self._task])

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            await self._stop.wait()
            self._wake_all()

    def _wake_all(self) -> None:
        if self._ring is not None:
            self._ring.wake()
        self.started.set()

    async def _keep_reading(self) -> None:
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._read_on(connection)
            except DATABASE_AWAY as error:
                log.warning("event log out of reach, trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_on(self, connection: Connection) -> None:
        await connection.add_listener(CHANNEL, self._on_knock)
        try:
            if self._ring is None:
                self._ring = Ring(await connection.fetchval("select last_seq from stream.state"))
                self.started.set()
            ring = self._ring
            while True:
                self._knock.clear()
                page = await read_page(connection, ring.reached, EVERYTHING)
                if page.reached > ring.reached or page.trimmed > ring.reached:
                    ring.take(page)
                    continue
                await first_of(self._knock, POLL_SECONDS)
        finally:
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, self._on_knock)

    def _on_knock(self, *_: object) -> None:
        self._knock.set()
