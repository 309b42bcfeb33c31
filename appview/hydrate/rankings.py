"""Orders as they were when a walk began, so that its pages neither double nor miss anything.

They stand in a table, for every server to read. The indexer draws the charts; an order that only
one query wants is taken when it is asked for. docs/ranking.md says how long each can be walked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from appview.pagination import Key, Order, bad_cursor, decode, encode
from appview.row import Row
from migrations.runner import Connection
from xrpc.errors import XrpcError

DEPTH = 1_000
MOST_TAKEN = 1_000

CURRENT = """
select token, computed_at, subjects[1:$2] as subjects, cardinality(subjects) as depth
from derived.ranking
where chart = $1
and expires_at is null
"""

NAMED = """
select chart, token, computed_at, subjects[$2:$3] as subjects, cardinality(subjects) as depth
from derived.ranking
where token = $1
and (expires_at is null or expires_at > now())
"""

# One that is younger than a minute.
TAKEN = """
select token, computed_at, subjects[1:$2] as subjects, cardinality(subjects) as depth
from derived.ranking
where chart = $1
and expires_at > now() + interval '1 hour'
order by expires_at desc
limit 1
"""

TAKE = """
with too_many as (
    delete from derived.ranking
    where token in (
        select token
        from derived.ranking
        where expires_at is not null
        and starts_with(chart, 'taken ')
        order by expires_at desc
        offset $3
        for update skip locked
    )
)
insert into derived.ranking (chart, subjects, expires_at)
values ($1, $2, now() + interval '61 minutes')
returning token
"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A page of subjects, hidden ones too, and where the next one begins."""

    subjects: Sequence[str]
    cursor: str | None
    computed_at: datetime | None = None


async def load_chart(
    connection: Connection, chart: str, cursor: str | None, limit: int
) -> Ranked | None:
    """None: the indexer has not drawn it yet."""
    if cursor is not None:
        return await go_on(connection, chart, cursor, limit)
    row = await connection.fetchrow(CURRENT, chart, limit)
    return None if row is None else _ranked(row, 0, limit)


async def go_on(connection: Connection, chart: str, cursor: str, limit: int) -> Ranked:
    token, place = _named(cursor)
    row = await connection.fetchrow(NAMED, token, place + 1, place + limit)
    if row is None:
        raise XrpcError(400, "CursorExpired", "cursor: its ranking is gone; begin again")
    if row["chart"] != chart:
        raise bad_cursor(cursor)
    return _ranked(row, place, limit)


async def load_taken(connection: Connection, order: str, limit: int) -> Ranked | None:
    """None: nobody took that order within the last minute."""
    row = await connection.fetchrow(TAKEN, taken(order), limit)
    return None if row is None else _ranked(row, 0, limit)


async def take(connection: Connection, order: str, subjects: Sequence[str], limit: int) -> Ranked:
    """The first page of an order, which is kept if there are more."""
    if len(subjects) <= limit:
        return Ranked(subjects, None)
    token = await connection.fetchval(TAKE, taken(order), subjects[:DEPTH], MOST_TAKEN)
    return Ranked(subjects[:limit], _next_cursor(token, limit, min(len(subjects), DEPTH)))


def taken(order: str) -> str:
    return f"taken {order}"


def _named(cursor: str) -> tuple[UUID, int]:
    key = decode(Order.SNAPSHOT, cursor)
    try:
        token = UUID(key.name)
    except ValueError as error:
        raise bad_cursor(cursor) from error
    if not 0 < key.number < DEPTH:
        raise bad_cursor(cursor)
    return token, key.number


def _ranked(row: Row, place: int, limit: int) -> Ranked:
    cursor = _next_cursor(row["token"], place + limit, row["depth"])
    return Ranked(row["subjects"], cursor, row["computed_at"])


def _next_cursor(token: UUID, end: int, depth: int) -> str | None:
    return encode(Order.SNAPSHOT, Key(end, str(token))) if end < depth else None
