"""Numbers for what subscribers are told: after the commit, by one hand, in one order.

Whoever numbers locks the row of stream.state to the end of its transaction: numbers become visible
in their order, whoever leads and however late a writer commits.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from indexer import metrics
from migrations.database import Pool
from xrpc.tasks import first_of

log = structlog.get_logger(__name__)

CHANNEL = "plyr_event"
"""Postgres knocks there when there is something new to read."""

NUMBERED_AT_ONCE = 5_000
TRIMMED_AT_ONCE = 2_000
# Moderation and identities are written by other hands, which cannot wake this one.
POLL_SECONDS = 0.5
UPKEEP_SECONDS = 10.0
LONGEST_FILLING = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Retention:
    hours: int
    events: int


@dataclass(frozen=True, slots=True)
class Sequencer:
    pool: Pool
    wake: asyncio.Event
    retention: Retention
    now: Callable[[], datetime]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_numbering())
            group.create_task(self._keep_in_order())

    async def _keep_numbering(self) -> None:
        while True:
            self.wake.clear()
            await self.number_all()
            await first_of(self.wake, POLL_SECONDS)

    async def _keep_in_order(self) -> None:
        while True:
            await self.note_filled()
            while await self.trim():
                pass
            await asyncio.sleep(UPKEEP_SECONDS)

    async def number_all(self) -> None:
        while await self.number() == NUMBERED_AT_ONCE:
            pass

    async def number(self, limit: int = NUMBERED_AT_ONCE) -> int:
        """Move what is committed from the outbox to the log; give how many events that were."""
        async with self.pool.acquire() as connection:
            if not await connection.fetchval("select exists (select from stream.outbox)"):
                return 0
            async with connection.transaction():
                last = await connection.fetchval("select last_seq from stream.state for update")
                # The clock may stand still or step back: numbers never do.
                first = max(last + 1, int(self.now().timestamp() * 1_000_000))
                numbered: int = await connection.fetchval(NUMBER, limit, first, CHANNEL)
        metrics.events_total.inc(numbered)
        return numbered

    async def trim(self, limit: int = TRIMMED_AT_ONCE) -> bool:
        """Delete some of the oldest events, if they are too old or too many; False when none is."""
        oldest_kept = self.now() - timedelta(hours=self.retention.hours)
        async with self.pool.acquire() as connection, connection.transaction():
            held = await connection.fetchval("select events from stream.state for update")
            surplus = held - self.retention.events
            through = await connection.fetchval(OUTLIVED, limit, oldest_kept, surplus)
            if through is None:
                return False
            await connection.execute(TRIM, through)
        return True

    async def note_filled(self) -> None:
        """From then on walks tell what they find, too."""
        filled = await self.pool.fetchval(FILLED, self.now() - LONGEST_FILLING)
        if filled:
            log.info("index filled, walks are told to subscribers from now on")


NUMBER = """
with taken as (
    delete from stream.outbox
    where id = any(array(select id from stream.outbox order by id limit $1))
    returning *
), numbered as (
    insert into stream.event (
        seq, at, kind, did, collection, rkey, rev, cid, action, reason, live, active, status, handle
    )
    select
        $2::bigint - 1 + row_number() over (order by id),
        at, kind, did, collection, rkey, rev, cid, action, reason, live, active, status, handle
    from taken
    returning seq
), total as (
    select count(*) as events, max(seq) as last_seq from numbered
), noted as (
    update stream.state
    set last_seq = total.last_seq, events = state.events + total.events
    from total
    where total.events > 0
    returning pg_notify($3, '')
)
select total.events from total left join noted on true
"""

# An age is looked for among the oldest by number alone: those before it go with it.
OUTLIVED = """
select max(seq)
from (
    select seq, at, row_number() over (order by seq) as place
    from (select seq, at from stream.event order by seq limit $1) as oldest
) as oldest
where at < $2 or place <= $3
"""

TRIM = """
with trimmed as (
    delete from stream.event where seq <= $1 returning seq
)
update stream.state
set trimmed_seq = $1, events = events - (select count(*) from trimmed)
"""

# Discovery has come to its end, and who was found by then was at least tried.
FILLED = """
update stream.state
set filled_at = now()
where filled_at is null
  and (
      started_at < $1
      or exists (select from discovery)
      and not exists (select from discovery where finished_at is null)
      and not exists (
          select
          from repo
          where state = 'desynchronized'
            and walked = '{}'
            and attempts = 0
            and due_at <= (select max(finished_at) from discovery)
      )
  )
returning true
"""
