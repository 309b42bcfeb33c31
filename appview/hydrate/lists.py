"""Lists by URI, and what can be said of one from its items."""

from collections.abc import Sequence

from appview.pagination import Row
from appview.rules import Trust
from migrations.runner import Connection

_LISTS = """
select shown_list.*
from unnest($1::text[]) as asked (uri)
join shown_list using (uri)
"""

# The sums that indexer/list_sums.py keeps, or else, of a list too new for that, those made here.
# The picture is looked at in any case: it may be hidden by now.
_SUMMARIES = """
select
    list.uri as list_uri,
    sums.playable,
    sums.duration_ms,
    (select picture from shown_track where shown_track.uri = sums.pictured) as picture
from unnest($1::text[]) as asked (uri)
join list on list.uri = asked.uri
left join derived.list_sum as kept
    on kept.uri = list.uri
    and kept.cid = list.cid
    and kept.hosts = $2::text[]
cross join lateral (
    select kept.playable, kept.duration_ms, kept.pictured
    where kept.uri is not null
    union all
    select playable, duration_ms, pictured
    from list_sums(list.uri, $2)
    where kept.uri is null
) as sums
"""


async def load_lists(connection: Connection, uris: Sequence[str]) -> dict[str, Row]:
    """Those that are shown."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_LISTS, uris)}


async def load_summaries(
    connection: Connection, uris: Sequence[str], trust: Trust
) -> dict[str, Row]:
    """How long, if that is known of all; how many of its tracks can be played; a picture."""
    if not uris:
        return {}
    rows = await connection.fetch(_SUMMARIES, uris, trust.hosts)
    return {row["list_uri"]: row for row in rows}
