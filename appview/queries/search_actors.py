"""fm.plyr.search.searchActors: accounts by name and handle."""

import time
from collections.abc import Sequence
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.accounts import load_profiles
from appview.search.candidates import find
from appview.search.cursor import DEPTH
from appview.search.documents import Hit, Search
from appview.search.pages import ranked_page
from appview.search.query import parse_query
from appview.views.actor import profile_view
from lexicons.types import SearchActorsOutput, SearchActorsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest


async def search_actors(context: AppContext, request: XrpcRequest) -> SearchActorsOutput:
    params = cast(SearchActorsParams, request.params)
    query = parse_query(params["q"])

    async def rank(connection: Connection) -> Sequence[Hit]:
        return await find(connection, Search(query), ["actor"], DEPTH, enough=DEPTH)

    async with snapshot(context.pool) as connection:
        hits, cursor = await ranked_page(connection, query, request, rank, time.time())
        rows = await load_profiles(connection, [hit.key for hit in hits])
    origin = context.trust.origin
    output: SearchActorsOutput = {
        "actors": [profile_view(rows[hit.key], origin) for hit in hits if hit.key in rows]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
