"""fm.plyr.feed.getLikes: who likes a record, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.counts import load_counts
from appview.hydrate.uris import did_uri
from appview.pagination import LATEST, time_key, time_page
from appview.views.social import like_view
from lexicons.types import GetLikesOutput, GetLikesParams
from xrpc.server import XrpcRequest

# Whether a like counts is asked of each in turn: joined, a well-liked record would be sorted whole.
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
    from "like"
    join shown_account as author on author.did = "like".did
    where "like".subject = $1
    and ("like".sort_at, "like".uri) < ($2, $3)
    and (
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


async def get_likes(context: AppContext, request: XrpcRequest) -> GetLikesOutput:
    params = cast(GetLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        rows = await connection.fetch(SQL, uri, *start, limit + 1)
        total = (await load_counts(connection, uri)).likes
    page, cursor = time_page(rows, limit)
    origin = context.trust.origin
    output: GetLikesOutput = {"likes": [like_view(row, origin) for row in page], "total": total}
    if cursor is not None:
        output["cursor"] = cursor
    return output
