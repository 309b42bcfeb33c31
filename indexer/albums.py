"""The table `album`: a title is there as long as a track or an album list of its author names it.

What is on an album, and whether anything of it is shown, queries ask of the tracks and lists.
"""

from collections.abc import Sequence
from typing import NamedTuple

from indexer.columns import columns
from lexicons.syntax import Did
from migrations.runner import Connection


class Album(NamedTuple):
    did: str
    title_key: str


NAMED = "select distinct did, title_key from named_album where uri = any($1::text[])"

ADD = """
insert into album (did, title_key)
select did, title_key
from named_album
where uri = any($1::text[])
on conflict do nothing
"""

ADD_TITLES = """
insert into album (did, title_key)
select did, title_key
from named_album
where did = $1
  and title_key = any($2::text[])
on conflict do nothing
"""

DROP = """
delete from album
using unnest($1::text[], $2::text[]) as left_out (did, title_key)
where album.did = left_out.did
  and album.title_key = left_out.title_key
  and not exists (
      select
      from named_album
      where named_album.did = album.did and named_album.title_key = album.title_key
  )
"""

DIFFERENCES = """
select title_key, album.did is not null as is_held
from (select * from album where did = $1) as album
full join (select distinct did, title_key from named_album where did = $1) as named
    using (title_key)
where album.did is null or named.did is null
order by title_key
"""


async def named_by(connection: Connection, uris: Sequence[str]) -> list[Album]:
    """By tracks and lists as they stand."""
    if not uris:
        return []
    return [Album(*row) for row in await connection.fetch(NAMED, uris)]


async def follow(connection: Connection, uris: Sequence[str], before: Sequence[Album]) -> None:
    """Let the table follow tracks and lists that were written, and what they named before."""
    if uris:
        await connection.execute(ADD, uris)
    if before:
        await connection.execute(DROP, *columns(before))


async def differences(connection: Connection, did: Did) -> tuple[list[str], list[str]]:
    """Titles that an account's rows lack, and those that nothing names."""
    rows = await connection.fetch(DIFFERENCES, did)
    missing = [row["title_key"] for row in rows if not row["is_held"]]
    return missing, [row["title_key"] for row in rows if row["is_held"]]


async def put_right(
    connection: Connection, did: Did, missing: Sequence[str], stray: Sequence[str]
) -> None:
    """Look again at what differed a moment ago."""
    await connection.execute(ADD_TITLES, did, missing)
    await connection.execute(DROP, [did] * len(stray), stray)
