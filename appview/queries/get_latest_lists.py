"""fm.plyr.library.getLatestLists: everybody's lists, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import load_summaries
from appview.pagination import LATEST, time_key, time_page
from appview.views.list import list_view
from lexicons.types import GetLatestListsOutput, GetLatestListsParams
from xrpc.server import XrpcRequest

ALL = """
select *
from (
    select *
    from listed_list
    where (sort_at, uri) < ($1, $2)
    order by sort_at desc, uri desc
    limit 101
) as page
limit $3
"""

OF_TYPE = """
select *
from (
    select *
    from listed_list
    where list_type = $4
    and (sort_at, uri) < ($1, $2)
    order by sort_at desc, uri desc
    limit 101
) as page
limit $3
"""


async def get_latest_lists(context: AppContext, request: XrpcRequest) -> GetLatestListsOutput:
    params = cast(GetLatestListsParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        if "listType" in params:
            rows = await connection.fetch(OF_TYPE, *start, limit + 1, params["listType"])
        else:
            rows = await connection.fetch(ALL, *start, limit + 1)
        page, cursor = time_page(rows, limit)
        summaries = await load_summaries(connection, [row["uri"] for row in page], context.trust)
    output: GetLatestListsOutput = {
        "lists": [list_view(row, summaries.get(row["uri"]), context.trust) for row in page]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
