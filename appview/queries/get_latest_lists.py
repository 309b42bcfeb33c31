"""fm.plyr.library.getLatestLists: everybody's lists, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import Listed, load_summaries
from appview.pagination import LATEST, time_key
from appview.views.list import list_view
from lexicons.types import GetLatestListsOutput, GetLatestListsParams
from xrpc.server import XrpcRequest

ALL = Listed(
    """
    select sort_at, uri
    from list
    where (sort_at, uri) < ($1, $2)
    order by sort_at desc, uri desc
    """
)

OF_TYPE = Listed(
    """
    select sort_at, uri
    from list
    where coalesce(list_type, last_list_type) = $3
    and (sort_at, uri) < ($1, $2)
    order by sort_at desc, uri desc
    """
)


async def get_latest_lists(context: AppContext, request: XrpcRequest) -> GetLatestListsOutput:
    params = cast(GetLatestListsParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        if "listType" in params:
            page, cursor = await OF_TYPE.load(connection, limit, *start, params["listType"])
        else:
            page, cursor = await ALL.load(connection, limit, *start)
        summaries = await load_summaries(connection, [row["uri"] for row in page], context.trust)
    output: GetLatestListsOutput = {
        "lists": [list_view(row, summaries.get(row["uri"]), context.trust) for row in page]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
