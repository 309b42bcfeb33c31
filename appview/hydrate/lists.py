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

# For each item of each list, so as little of it as can be. `offset 0`: a length is looked up once,
# not in each of the sums.
_SUMMARIES = """
select
    list_item.list_uri,
    case
        when count(length.ms) = (
            select count(*)
            from list_item as item
            where item.list_uri = list_item.list_uri
        )
        then sum(length.ms)::bigint
    end as duration_ms,
    count(*) filter (
        where track.gate_type is null
        and (
            track.audio_cid is not null
            and not track.audio_missing
            or track.audio_url ^@ any ($2)
            and track.url_status = 'ok'
        )
        and not track.audio_taken_down
    ) as playable,
    (
        select pictured.picture
        from list_item as item
        join shown_track as pictured on pictured.uri = item.subject
        where item.list_uri = list_item.list_uri
        and pictured.picture is not null
        order by item.position
        limit 1
    ) as picture
from list_item
join summed_track as track on track.uri = list_item.subject
cross join lateral (select track.duration_ms as ms offset 0) as length
where list_item.list_uri = any ($1)
group by list_item.list_uri
"""


async def load_lists(connection: Connection, uris: Sequence[str]) -> dict[str, Row]:
    """Those that are shown."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_LISTS, uris)}


async def load_summaries(
    connection: Connection, uris: Sequence[str], trust: Trust
) -> dict[str, Row]:
    """Of lists that show anything: length if known of all, how many can be played, a picture."""
    if not uris:
        return {}
    rows = await connection.fetch(_SUMMARIES, uris, trust.prefixes)
    return {row["list_uri"]: row for row in rows}
