"""Which blobs may be had: those that a record of their account references, as long as it is shown.

Asked at every request, of the database: a cache of bytes must not outlive the right to them.
"""

import time
from dataclasses import dataclass
from typing import Final, TypeVar

from cachetools import TTLCache

from lexicons.cid import Cid
from lexicons.syntax import Did
from migrations.database import Pool

# A player asks for many ranges of one blob, a page shows many pictures; whoever hides one waits no
# longer than this.
PERMIT_SECONDS: Final = 0.8
PERMITS_REMEMBERED: Final = 10_000

Asked = TypeVar("Asked")
Granted = TypeVar("Granted")

# A blob that is taken down under one account is under all: its bytes are the same.
SQL: Final = """
select mime, size, url, taken_down, gated
from (
    select
        track.audio_mime as mime,
        track.audio_size as size,
        track.audio_url as url,
        track.gate_type is not null as gated
    from track
    where track.audio_cid = $2
      and track.did = $1
      and not exists (select from local.takedown where takedown.subject = track.uri)
    union all
    select null, null, null, false
    from bsky_profile
    where bsky_profile.did = $1
      and bsky_profile.avatar_cid = $2
      and not exists (select from local.takedown where takedown.subject = bsky_profile.uri)
) as reference
cross join (
    select exists (
        select from local.takedown where substring(subject from '^did:[^/]+/(.+)$') = $2
    ) as taken_down
) as moderation
where exists (select from shown_account where did = $1)
order by gated, mime is null
limit 1
"""


class NotReferenced(Exception):
    pass


class TakenDown(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Permit:
    """What the record says of the blob: its type, its size, and where else its bytes may be."""

    did: Did
    cid: Cid
    mime_type: str | None
    size: int | None
    url: str | None


async def permit(pool: Pool, did: Did, cid: Cid) -> Permit:
    """Raises NotReferenced or TakenDown. What is only for supporters is never given here."""
    row = await pool.fetchrow(SQL, did, str(cid))
    if row is None or row["gated"]:
        raise NotReferenced(f"no record of {did} that is shown references {cid}")
    if row["taken_down"]:
        raise TakenDown(str(cid))
    return Permit(did, cid, row["mime"], row["size"], row["url"])


def permit_memory() -> TTLCache[Asked, Granted]:
    """For permits of one kind, by what they are for."""
    return TTLCache(PERMITS_REMEMBERED, PERMIT_SECONDS, time.monotonic)
