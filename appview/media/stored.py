"""What the bucket holds: a table, since servers of several machines share the bucket.

A line comes before its object and goes after it, so that what is counted is never too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from migrations.database import Pool

LOCK: Final = 0x706C7972626B74

USE: Final = """
update media.stored
set used_at = now()
where name = $1
  and whole
returning bytes
"""

HELD: Final = """
select
    coalesce(sum(bytes) filter (where name <> $1), 0)::bigint as bytes,
    coalesce(bool_or(name = $1 and whole), false) as has_it
from media.stored
"""

RESERVE: Final = """
insert into media.stored (name, bytes, whole)
values ($1, $2, false)
on conflict (name) do update
set bytes = excluded.bytes,
    whole = false,
    used_at = now()
"""

# An upload that began an hour ago has failed.
LEAST_USED: Final = """
with by_use as (
    select
        name,
        sum(bytes) over (order by used_at, name) - bytes as before
    from media.stored
    where whole
       or used_at < now() - interval '1 hour'
)
update media.stored
set whole = false,
    used_at = '-infinity'
from by_use
where stored.name = by_use.name
  and by_use.before < $1
returning stored.name
"""

FORGET: Final = "delete from media.stored where name = any($1::text[]) and used_at = '-infinity'"
LOSE: Final = "delete from media.stored where name = $1 and whole"
KEEP: Final = "update media.stored set whole = true, used_at = now() where name = $1"

FOUND: Final = """
insert into media.stored (name, bytes, whole)
select object.name, object.bytes, true
from unnest($1::text[], $2::bigint[]) as object (name, bytes)
on conflict do nothing
"""

MISSED: Final = """
delete from media.stored
where whole
  and used_at < $2
  and name <> all($1::text[])
"""


class Room(Enum):
    """The values are a metric's labels."""

    RESERVED = "kept"
    HAS_IT = "there"
    NONE = "no_room"


@dataclass(frozen=True, slots=True)
class Stored:
    pool: Pool
    max_bytes: int

    async def use(self, name: str) -> int | None:
        """How large it is; None where it is not there."""
        size: int | None = await self.pool.fetchval(USE, name)
        return size

    async def reserve(self, name: str, size: int) -> Room | Sequence[str]:
        """Room for an object; or those that have to go first, which then `forget` is told of."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
            held = await connection.fetchrow(HELD, name)
            assert held is not None
            if held["has_it"]:
                return Room.HAS_IT
            excess = held["bytes"] + size - self.max_bytes
            if excess <= 0:
                await connection.execute(RESERVE, name, size)
                return Room.RESERVED
            going = [] if size > self.max_bytes else await connection.fetch(LEAST_USED, excess)
            return [row["name"] for row in going] or Room.NONE

    async def keep(self, name: str) -> None:
        await self.pool.execute(KEEP, name)

    async def forget(self, names: Sequence[str]) -> None:
        """Their objects are gone."""
        await self.pool.execute(FORGET, names)

    async def lose(self, name: str) -> None:
        """Its object is not where it should be."""
        await self.pool.execute(LOSE, name)

    async def reconcile(self, objects: Sequence[tuple[str, int]], listed_at: datetime) -> None:
        """What lies in the bucket is right, whatever the table says."""
        names, sizes = [name for name, _ in objects], [size for _, size in objects]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(FOUND, names, sizes)
            await connection.execute(MISSED, names, listed_at)
