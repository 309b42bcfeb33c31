"""What subscribers would be told, read from the tables."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import asyncpg

from indexer.sequencer import Retention, Sequencer
from migrations.database import Pool
from tests.indexer.changes import NOW


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def new_sequencer(
    pool: Pool, clock: Clock | None = None, *, hours: int = 10**5, events: int = 10**6
) -> Sequencer:
    return Sequencer(pool, asyncio.Event(), Retention(hours, events), clock or Clock())


async def filled(pool: Pool) -> None:
    """As an index that has been filled: from now on walks are told, and whom we meet."""
    await pool.execute("update stream.state set filled_at = now()")


async def told(pool: Pool) -> list[tuple[object, ...]]:
    """What waits in the outbox, briefly."""
    return brief(await pool.fetch("select * from stream.outbox order by id"))


def brief(rows: Iterable[asyncpg.Record]) -> list[tuple[object, ...]]:
    return [_brief(row) for row in rows]


def _brief(row: asyncpg.Record) -> tuple[object, ...]:
    if row["kind"] == "account":
        return ("account", row["did"], row["active"], row["status"])
    if row["kind"] == "identity":
        return ("identity", row["did"], row["handle"])
    place = f"{row['did']}/{row['collection'].rpartition('.')[2]}/{row['rkey']}"
    return (row["action"], place, row["cid"], row["reason"])


async def mirror(pool: Pool) -> dict[str, str]:
    """What somebody would hold who applied all that was told, in order; each must be news."""
    held: dict[str, str] = {}
    rows = await pool.fetch(
        """
        select action, did || '/' || collection || '/' || rkey as place, cid
        from stream.event
        where kind = 'record'
        order by seq
        """
    )
    for action, place, cid in rows:
        assert (action == "create") == (place not in held), (action, place)
        if action == "delete":
            del held[place]
        else:
            held[place] = cid
    return held


async def shown(pool: Pool) -> dict[str, str]:
    rows = await pool.fetch(
        "select did || '/' || collection || '/' || rkey as place, cid from record where counted"
    )
    return {row["place"]: row["cid"] for row in rows}
