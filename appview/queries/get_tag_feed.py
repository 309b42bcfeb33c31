"""fm.plyr.feed.getTagFeed: the tracks with a tag, newest first."""

from typing import cast

from appview.context import AppContext
from appview.pagination import LATEST, page_of, time_key
from appview.views.track import feed
from lexicons.tags import plain_tag
from lexicons.types import GetTagFeedOutput, GetTagFeedParams
from xrpc.server import XrpcRequest

SQL = """
select *
from (
    select shown_track.*
    from track_tag
    join shown_track on shown_track.uri = track_tag.track_uri
    where track_tag.tag = $1
    and (track_tag.sort_at, track_tag.track_uri) < ($2, $3)
    order by track_tag.sort_at desc, track_tag.track_uri desc
    limit 101
) as page
limit $4
"""


async def get_tag_feed(context: AppContext, request: XrpcRequest) -> GetTagFeedOutput:
    params = cast(GetTagFeedParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    rows = await context.pool.fetch(SQL, plain_tag(params["tag"]), *start, limit + 1)
    page, cursor = page_of(rows, limit)
    output: GetTagFeedOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
