"""fm.plyr.feed.getComments: comments on a track, in its time or in ours."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_subject
from appview.pagination import (
    EARLIEST,
    LATEST,
    Order,
    looked_page,
    time_cursor,
    time_key,
    timestamp_cursor,
    timestamp_key,
)
from appview.row import Row
from appview.views.social import comment_view
from lexicons.types import GetCommentsOutput, GetCommentsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest

MAX_BIGINT = 2**63 - 1

# Anybody can comment as often as he wants to: a page looks at so many, the next goes on there.
BY_TIMESTAMP = """
select *
from (
    select *, row_number() over (order by timestamp_ms, uri) = 2000 as is_last
    from comment
    where subject = $1
    and (timestamp_ms, uri) > ($2, $3)
    and timestamp_ms between $4 and $5
    order by timestamp_ms, uri
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, handle, display_name, avatar
    from shown_account
    where did = looked_at.did
    and not exists (select from local.takedown where takedown.subject = looked_at.uri)
    limit 1
) as author on true
where is_shown or is_last
order by timestamp_ms, uri
limit $6
"""

NEWEST = """
select *
from (
    select *, row_number() over (order by sort_at desc, uri desc) = 2000 as is_last
    from comment
    where subject = $1
    and (sort_at, uri) < ($2, $3)
    order by sort_at desc, uri desc
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, handle, display_name, avatar
    from shown_account
    where did = looked_at.did
    and looked_at.timestamp_ms between $4 and $5
    and not exists (select from local.takedown where takedown.subject = looked_at.uri)
    limit 1
) as author on true
where is_shown or is_last
order by sort_at desc, uri desc
limit $6
"""

OLDEST = """
select *
from (
    select *, row_number() over (order by sort_at, uri) = 2000 as is_last
    from comment
    where subject = $1
    and (sort_at, uri) > ($2, $3)
    order by sort_at, uri
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, handle, display_name, avatar
    from shown_account
    where did = looked_at.did
    and looked_at.timestamp_ms between $4 and $5
    and not exists (select from local.takedown where takedown.subject = looked_at.uri)
    limit 1
) as author on true
where is_shown or is_last
order by sort_at, uri
limit $6
"""


async def get_comments(context: AppContext, request: XrpcRequest) -> GetCommentsOutput:
    params = cast(GetCommentsParams, request.params)
    async with snapshot(context.pool) as connection:
        subject = await load_subject(connection, params["uri"])
        page, cursor = await _page(connection, subject["uri"], params)
    output: GetCommentsOutput = {
        "comments": [comment_view(row, context.trust.origin) for row in page],
        "total": subject["comments"],
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output


async def _page(
    connection: Connection, uri: str, params: GetCommentsParams
) -> tuple[Sequence[Row], str | None]:
    cursor = params.get("cursor")
    limit = params["limit"]
    span = (
        params.get("fromMs", 0),
        params.get("toMs", MAX_BIGINT),
        limit + 1,
    )
    if params["sort"] == "newest":
        rows = await connection.fetch(NEWEST, uri, *time_key(cursor, LATEST), *span)
        return looked_page(rows, limit)
    if params["sort"] == "oldest":
        key = time_key(cursor, EARLIEST, Order.OLDEST)
        rows = await connection.fetch(OLDEST, uri, *key, *span)
        return looked_page(rows, limit, partial(time_cursor, order=Order.OLDEST))
    rows = await connection.fetch(BY_TIMESTAMP, uri, *timestamp_key(cursor), *span)
    return looked_page(rows, limit, timestamp_cursor)
