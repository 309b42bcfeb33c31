"""fm.plyr.feed.getLikes: who likes a record, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.counts import load_counts
from appview.hydrate.uris import did_uri
from appview.pagination import LATEST, time_cursor, time_key, time_page
from appview.views.social import like_view
from lexicons.types import GetLikesOutput, GetLikesParams
from xrpc.server import XrpcRequest

# Whether a like counts is asked of each in turn: joined, a well-liked record would be sorted whole.
# And anybody can like it as often as he wants to: a page looks at so many, the next goes on there.
SQL = """
select *
from (
    select
        "like".uri,
        "like".cid,
        "like".created_at,
        "like".sort_at,
        "like".indexed_at,
        author.did,
        author.handle,
        author.display_name,
        author.avatar
    from (
        select *
        from "like"
        where subject = $1
        and (sort_at, uri) < ($2, $3)
        order by sort_at desc, uri desc
        limit 2000
    ) as "like"
    join shown_account as author on author.did = "like".did
    where (
        select link.counted
        from link
        where link.uri = "like".uri
        and link.subject = "like".subject
    )
    and not exists (select from local.takedown where takedown.subject = "like".uri)
    order by "like".sort_at desc, "like".uri desc
    limit 101
) as page
limit $4
"""

LAST_LOOKED_AT = """
select sort_at, uri
from "like"
where subject = $1
and (sort_at, uri) < ($2, $3)
order by sort_at desc, uri desc
offset 1999
limit 1
"""


async def get_likes(context: AppContext, request: XrpcRequest) -> GetLikesOutput:
    params = cast(GetLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        rows = await connection.fetch(SQL, uri, *start, limit + 1)
        page, cursor = time_page(rows, limit)
        if cursor is None:
            last = await connection.fetchrow(LAST_LOOKED_AT, uri, *start)
            cursor = time_cursor(last) if last else None
        total = (await load_counts(connection, uri)).likes
    origin = context.trust.origin
    output: GetLikesOutput = {"likes": [like_view(row, origin) for row in page], "total": total}
    if cursor is not None:
        output["cursor"] = cursor
    return output
