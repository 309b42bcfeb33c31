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
    page_of,
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

BY_TIMESTAMP = """
select *
from (
    select
        comment.*,
        author.handle,
        author.display_name,
        author.avatar
    from comment
    join shown_account as author on author.did = comment.did
    where comment.subject = $1
    and (comment.timestamp_ms, comment.uri) > ($2, $3)
    and comment.timestamp_ms between $4 and $5
    and not exists (select from local.takedown where takedown.subject = comment.uri)
    order by comment.timestamp_ms, comment.uri
    limit 101
) as page
limit $6
"""

NEWEST = """
select *
from (
    select
        comment.*,
        author.handle,
        author.display_name,
        author.avatar
    from comment
    join shown_account as author on author.did = comment.did
    where comment.subject = $1
    and (comment.sort_at, comment.uri) < ($2, $3)
    and comment.timestamp_ms between $4 and $5
    and not exists (select from local.takedown where takedown.subject = comment.uri)
    order by comment.sort_at desc, comment.uri desc
    limit 101
) as page
limit $6
"""

OLDEST = """
select *
from (
    select
        comment.*,
        author.handle,
        author.display_name,
        author.avatar
    from comment
    join shown_account as author on author.did = comment.did
    where comment.subject = $1
    and (comment.sort_at, comment.uri) > ($2, $3)
    and comment.timestamp_ms between $4 and $5
    and not exists (select from local.takedown where takedown.subject = comment.uri)
    order by comment.sort_at, comment.uri
    limit 101
) as page
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
        return page_of(rows, limit)
    if params["sort"] == "oldest":
        key = time_key(cursor, EARLIEST, Order.OLDEST)
        rows = await connection.fetch(OLDEST, uri, *key, *span)
        return page_of(rows, limit, partial(time_cursor, order=Order.OLDEST))
    rows = await connection.fetch(BY_TIMESTAMP, uri, *timestamp_key(cursor), *span)
    return page_of(rows, limit, timestamp_cursor)
