"""fm.plyr.feed.getTagFeed: the tracks with a tag, newest first."""

from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.pagination import LATEST, looked_page, time_cursor, time_key
from appview.views.track import feed
from lexicons.tags import plain_tag
from lexicons.types import GetTagFeedOutput, GetTagFeedParams
from xrpc.server import XrpcRequest

SQL = """
select *
from (
    select
        sort_at as key_at,
        track_uri as key_uri,
        row_number() over (order by sort_at desc, track_uri desc) = 2000 as is_last
    from track_tag
    where tag = $1
    and (sort_at, track_uri) < ($2, $3)
    order by sort_at desc, track_uri desc
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, shown_track.*
    from shown_track
    where shown_track.uri = looked_at.key_uri
    limit 1
) as page on true
where is_shown or is_last
order by key_at desc, key_uri desc
limit $4
"""


async def get_tag_feed(context: AppContext, request: XrpcRequest) -> GetTagFeedOutput:
    params = cast(GetTagFeedParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    # Left to itself Postgres plans it anew for each tag, which takes longer than to answer.
    async with snapshot(context.pool) as connection:
        rows = await connection.fetch(SQL, plain_tag(params["tag"]), *start, limit + 1)
    page, cursor = looked_page(rows, limit, partial(time_cursor, at="key_at", uri="key_uri"))
    output: GetTagFeedOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
