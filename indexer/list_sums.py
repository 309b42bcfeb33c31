"""Keeps what the tracks of each list add up to: triggers queue what changed, this follows.

As with search, nothing here is in the way of the writer, and a chunk that fails is due again. A
track may be on a hundred thousand mirrors of likes: as long a rest follows as a chunk took.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg

from indexer.differences import Difference, Kind
from lexicons.syntax import Did
from migrations.database import Pool
from migrations.runner import Connection

POLL_SECONDS = 0.25
CHUNK_KEYS = 20  # of the longest lists a second of Postgres
ALL_OF_ONE_SECONDS = 3_600.0

# After a change of the setting all are due.
QUEUE_TRUSTED_OTHERWISE = """
insert into derived.list_sum_due (kind, key)
select 'list', uri from derived.list_sum where hosts <> $1::text[]
"""

DUE = """
select id, kind, key from derived.list_sum_due order by id limit $1
"""

# Not those that are due: what moves ten thousand lists may move faster than they are followed.
QUEUE_WITH_TRACKS = """
insert into derived.list_sum_due (kind, key)
select distinct 'list', list_uri
from list_item
where subject = any ($1::text[])
  and not exists (
      select from derived.list_sum_due as due where due.kind = 'list' and due.key = list_uri
  )
"""

QUEUE_WITH_TRACKS_OF = """
insert into derived.list_sum_due (kind, key)
select distinct 'list', list_uri
from track
join list_item on list_item.subject = track.uri
where track.did = $1
  and not exists (
      select from derived.list_sum_due as due where due.kind = 'list' and due.key = list_uri
  )
"""

STORE = """
insert into derived.list_sum as held (
    uri, cid, hosts, shown, playable, duration_ms, pictured, tracks, tracks_ms
)
select list.uri, list.cid, $2::text[], sums.*
from list
cross join lateral list_sums(list.uri, $2) as sums
where list.uri = any ($1::text[])
on conflict (uri) do update
set
    cid = excluded.cid,
    hosts = excluded.hosts,
    shown = excluded.shown,
    playable = excluded.playable,
    duration_ms = excluded.duration_ms,
    pictured = excluded.pictured,
    tracks = excluded.tracks,
    tracks_ms = excluded.tracks_ms
where held is distinct from excluded
"""

FORGET = """
delete from derived.list_sum
where uri = any ($1::text[])
  and not exists (select from list where list.uri = list_sum.uri)
"""

DIFFERENCES = """
select list.uri, to_jsonb(held) as held, to_jsonb(sums) as right
from list
join derived.list_sum on list_sum.uri = list.uri
cross join lateral (
    select
        list_sum.cid, list_sum.shown, list_sum.playable, list_sum.duration_ms, list_sum.pictured,
        list_sum.tracks, list_sum.tracks_ms
) as held
cross join lateral (
    select list.cid, added.* from list_sums(list.uri, list_sum.hosts) as added
) as sums
where list.did = $1
  and held is distinct from sums
order by list.uri
"""

QUEUE_OF = """
insert into derived.list_sum_due (kind, key) select 'list', uri from list where did = $1
"""

DONE = "delete from derived.list_sum_due where id = any ($1::bigint[])"


@dataclass(frozen=True, slots=True)
class ListSums:
    """`hosts`: those that may have the sound of tracks, in their order."""

    pool: Pool
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, pool: Pool, hosts: Iterable[str]) -> Self:
        return cls(pool, tuple(sorted(hosts)))

    async def run(self) -> None:
        await self.follow_the_setting()
        while True:
            began = time.monotonic()
            found = await self.follow_some()
            await asyncio.sleep(time.monotonic() - began if found else POLL_SECONDS)

    async def follow_the_setting(self) -> None:
        await self.pool.execute(QUEUE_TRUSTED_OTHERWISE, self.hosts)

    async def follow(self) -> None:
        """Until nothing is due."""
        while await self.follow_some():
            pass

    async def follow_some(self) -> bool:
        async with self.pool.acquire() as connection:
            due = await connection.fetch(DUE, CHUNK_KEYS)
            if not due:
                return False
            async with connection.transaction():
                # What is lost in a crash is due again, together with the mark that it was.
                await connection.execute("set local synchronous_commit = off")
                await self._follow(connection, due)
                await connection.execute(DONE, [row["id"] for row in due])
        return True

    async def _follow(self, connection: Connection, due: Sequence[asyncpg.Record]) -> None:
        keys: dict[str, set[str]] = defaultdict(set)
        for row in due:
            keys[row["kind"]].add(row["key"])
        lists, tracks, accounts = (sorted(keys[kind]) for kind in ("list", "track", "account"))
        for did in accounts:  # whose tracks may be a million
            await connection.execute(QUEUE_WITH_TRACKS_OF, did)
        if tracks:
            await connection.execute(QUEUE_WITH_TRACKS, tracks)
        if lists:
            await connection.execute(STORE, lists, self.hosts)
            await connection.execute(FORGET, lists)


async def differences(connection: Connection, did: Did) -> list[Difference]:
    """Lists of an account whose kept sums are wrong, which may add up to millions of tracks."""
    rows = await connection.fetch(DIFFERENCES, did, timeout=ALL_OF_ONE_SECONDS)
    return [Difference(did, Kind.SUMS, *row) for row in rows]


async def put_right(connection: Connection, did: Did) -> None:
    await connection.execute(QUEUE_OF, did)
