"""fm.plyr.library.getActorLists: an account's lists, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.lists import load_listed, load_summaries
from appview.pagination import LATEST, time_key
from appview.views.list import list_view
from lexicons.types import GetActorListsOutput, GetActorListsParams
from xrpc.server import XrpcRequest


async def get_actor_lists(context: AppContext, request: XrpcRequest) -> GetActorListsOutput:
    params = cast(GetActorListsParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        page, cursor = await load_listed(
            connection, start, limit, author=actor, list_type=params.get("listType")
        )
        summaries = await load_summaries(connection, [row["uri"] for row in page], context.trust)
    output: GetActorListsOutput = {
        "lists": [list_view(row, summaries.get(row["uri"]), context.trust) for row in page]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
