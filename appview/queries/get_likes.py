"""fm.plyr.feed.getLikes: who likes a record, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_subject
from appview.pagination import LATEST, looked_page, time_key
from appview.views.social import like_view
from lexicons.types import GetLikesOutput, GetLikesParams
from xrpc.server import XrpcRequest

# Whether a like counts is asked of each in turn, and first, since what asks has a limit: joined, a
# well-liked record would be sorted whole. And anybody can like it as often as he wants to: a page
# looks at so many, the next goes on there.
SQL = """
select
    looked_at.uri,
    looked_at.cid,
    looked_at.created_at,
    looked_at.sort_at,
    looked_at.indexed_at,
    looked_at.is_last,
    author.*
from (
    select *, row_number() over (order by sort_at desc, uri desc) = 2000 as is_last
    from "like"
    where subject = $1
    and (sort_at, uri) < ($2, $3)
    order by sort_at desc, uri desc
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, did, handle, display_name, avatar
    from shown_account
    where did = looked_at.did
    and (
        select link.counted
        from link
        where link.uri = looked_at.uri
        and link.subject = looked_at.subject
    )
    and not exists (select from local.takedown where takedown.subject = looked_at.uri)
    limit 1
) as author on true
where is_shown or is_last
order by looked_at.sort_at desc, looked_at.uri desc
limit $4
"""


async def get_likes(context: AppContext, request: XrpcRequest) -> GetLikesOutput:
    params = cast(GetLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        subject = await load_subject(connection, params["uri"])
        rows = await connection.fetch(SQL, subject["uri"], *start, limit + 1)
        page, cursor = looked_page(rows, limit)
    output: GetLikesOutput = {
        "likes": [like_view(row, context.trust.origin) for row in page],
        "total": subject["likes"],
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
