"""How far each relay's stream was read, and the stretches that were not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from indexer.records.prepare import storable_text
from migrations.database import Pool

MAX_REASON_CHARACTERS = 500
GAPS_KEPT = timedelta(weeks=4)  # once they are closed


@dataclass(frozen=True, slots=True)
class Position:
    seq: int
    listened_at: datetime


async def load(pool: Pool, host: str) -> Position | None:
    row = await pool.fetchrow(
        """
        select seq, coalesce(greatest(received_at, listened_at), updated_at) as listened_at
        from relay_cursor
        where host = $1 and seq is not null
        """,
        host,
    )
    return None if row is None else Position(row["seq"], row["listened_at"])


async def note_connection(pool: Pool, host: str, *, connected: bool, error: str | None) -> None:
    await pool.execute(
        """
        insert into relay_cursor (host, connected, error)
        values ($1, $2, $3)
        on conflict (host) do update
        set connected = excluded.connected, error = excluded.error, updated_at = now()
        """,
        host,
        connected,
        None if error is None else storable_text(error, MAX_REASON_CHARACTERS),
    )


async def note_listening(pool: Pool, host: str) -> None:
    await pool.execute("update relay_cursor set listened_at = now() where host = $1", host)


async def record_gap(pool: Pool, host: str, position: Position | None, reason: str) -> None:
    await pool.execute(
        "insert into relay_gap (host, after_seq, reason) values ($1, $2, $3)",
        host,
        position and position.seq,
        storable_text(reason, MAX_REASON_CHARACTERS),
    )


async def has_looked(pool: Pool) -> bool:
    """Whether anybody was looked for yet."""
    return bool(await pool.fetchval("select exists (select from discovery)"))


async def has_open_gap(pool: Pool) -> bool:
    return bool(
        await pool.fetchval("select exists (select from relay_gap where closed_at is null)")
    )


async def close_gaps(pool: Pool, before: datetime) -> int:
    """Call the gaps recorded before that moment repaired; give how many there were."""
    await pool.execute("delete from relay_gap where closed_at < now() - $1::interval", GAPS_KEPT)
    rows = await pool.fetch(
        """
        update relay_gap set closed_at = now()
        where closed_at is null and recorded_at < $1
        returning id
        """,
        before,
    )
    return len(rows)
