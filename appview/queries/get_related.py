"""fm.plyr.feed.getRelated: what goes with a track, nearest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.tracks import load_tracks
from appview.hydrate.uris import did_uri
from appview.views.track import track_view
from lexicons.types import GetRelatedOutput, GetRelatedParams
from xrpc.errors import XrpcError
from xrpc.server import XrpcRequest

SEED = "select did, tags from shown_track where uri = $1"

# Some more than may be asked for: the track itself is among them, others may be hidden.
CANDIDATES = """
select uri, reason
from (
    select near.uri, 'co-liked' as reason, 1 as source, near.place
    from derived.related
    cross join unnest(related.tracks) with ordinality as near (uri, place)
    where related.uri = $1
    union all
    select uri, 'same-author', 2, row_number() over (order by sort_at desc, uri desc)
    from (
        select uri, sort_at
        from track
        where did = $2
        order by sort_at desc, uri desc
        limit 120
    ) as newest
    union all
    select newest.uri, 'same-tag', 3, newest.place
    from unnest($3::text[]) as shared (tag)
    cross join lateral (
        select track_uri as uri, row_number() over (order by sort_at desc, track_uri desc) as place
        from (
            select track_uri, sort_at
            from track_tag
            where track_tag.tag = shared.tag
            order by sort_at desc, track_uri desc
            limit 21
        ) as first
    ) as newest
) as candidate
where uri <> $1
order by source, place, uri
"""

MOST_TAGS = 5


async def get_related(context: AppContext, request: XrpcRequest) -> GetRelatedOutput:
    params = cast(GetRelatedParams, request.params)
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        seed = await connection.fetchrow(SEED, uri)
        if seed is None:
            raise XrpcError(400, "TrackNotFound", f"uri: {uri} is not shown here")
        found = await connection.fetch(CANDIDATES, uri, seed["did"], seed["tags"][:MOST_TAGS])
        reasons: dict[str, str] = {}
        for row in found:
            reasons.setdefault(row["uri"], row["reason"])
        # As many again, for those that turn out to be hidden.
        rows = await load_tracks(connection, list(reasons)[: 2 * params["limit"]])
    shown = [uri for uri in reasons if uri in rows][: params["limit"]]
    return {
        "tracks": [
            {"track": track_view(rows[uri], context.trust), "reason": reasons[uri]} for uri in shown
        ]
    }
