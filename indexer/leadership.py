"""One indexer writes; others stand by until its lock is free.

A lock alone does not stop a leader that lost it and does not know yet. So each leader takes the
next number of the sequence leader_epoch, and whoever writes looks within its transaction whether
that is still the last one (`rows.begin`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from indexer.rows import LostLeadership, begin
from migrations.database import DATABASE_ERRORS, Pool
from migrations.runner import Connection

log = structlog.get_logger(__name__)

LEADER_LOCK = 0x706C79725F696478
"""Advisory lock that the leader holds: "plyr_idx"."""

STANDBY_POLL_SECONDS = 1.0
LEADER_WATCH_SECONDS = 1.0
SILENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Leader:
    connection: Connection
    epoch: int

    async def watch(self, silence_seconds: float = SILENCE_SECONDS) -> None:
        """Raise as soon as the lock may be somebody else's; who gives no sign of life loses it."""
        try:
            await self.connection.execute(
                "select set_config('idle_session_timeout', $1, false)",
                str(round(silence_seconds * 1000)),
            )
            while True:
                await asyncio.sleep(LEADER_WATCH_SECONDS)
                await self.connection.fetchval("select 1")
        except DATABASE_ERRORS as error:
            raise LostLeadership(str(error)) from error


@asynccontextmanager
async def leadership(pool: Pool, stop: asyncio.Event) -> AsyncIterator[Leader | None]:
    """Hold the lock of the one indexer, waiting for it; None: told to stop before it was ours."""
    async with pool.acquire() as connection:
        waiting = False
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LEADER_LOCK):
            if stop.is_set():
                yield None
                return
            if not waiting:
                log.info("another indexer is at work, standing by")
            waiting = True
            await asyncio.sleep(STANDBY_POLL_SECONDS)
        # The pool unlocks whatever it is given back.
        yield Leader(connection, await _next_epoch(connection))


async def _next_epoch(connection: Connection) -> int:
    """What the leader before began to write is written or refused by the time this is known."""
    async with connection.transaction():
        await begin(connection)
        epoch: int = await connection.fetchval("select nextval('leader_epoch')")
        return epoch


async def is_led(pool: Pool) -> bool:
    """Whether an indexer is at work on this database."""
    return bool(
        await pool.fetchval(
            """
            select exists (
                select
                from pg_locks
                join pg_database on pg_database.oid = pg_locks.database
                where locktype = 'advisory'
                  and granted
                  and datname = current_database()
                  and (classid::bigint << 32) + objid::bigint = $1
                  and objsubid = 1
            )
            """,
            LEADER_LOCK,
        )
    )
