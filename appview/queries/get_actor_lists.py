"""fm.plyr.library.getActorLists: an account's lists, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.lists import load_summaries
from appview.pagination import LATEST, time_key, time_page
from appview.views.list import list_view
from lexicons.types import GetActorListsOutput, GetActorListsParams
from xrpc.server import XrpcRequest

SQL = """
select *
from (
    select *
    from listed_list
    where did = $1
    and ($2::text is null or list_type = $2)
    and (sort_at, uri) < ($3, $4)
    order by sort_at desc, uri desc
    limit 101
) as page
limit $5
"""


async def get_actor_lists(context: AppContext, request: XrpcRequest) -> GetActorListsOutput:
    params = cast(GetActorListsParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, params.get("listType"), *start, limit + 1)
        page, cursor = time_page(rows, limit)
        summaries = await load_summaries(connection, [row["uri"] for row in page], context.trust)
    output: GetActorListsOutput = {
        "lists": [list_view(row, summaries.get(row["uri"]), context.trust) for row in page]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
