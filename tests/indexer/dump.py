"""What the database holds, for comparing two ways that should have led to the same."""

from typing import Any

from migrations.database import Pool
from tests.indexer.changes import dump

CLOCKS = (
    "seen_at",
    "proven_at",
    "made_at",
    "added",
    "indexed_at",
    "first_seen_at",
    "identity_at",
    "identity_due_at",
    "status_due_at",
    "status_failures",
    "identity_failures",
    "queued_at",
    "updated_at",
    "received_at",
    "listened_at",
    "synced_at",
    "due_at",
)


async def everything(pool: Pool) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, without the columns that a clock writes."""
    return await dump(pool, without=CLOCKS)
