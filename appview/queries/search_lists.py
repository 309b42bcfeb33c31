"""fm.plyr.search.searchLists: albums, playlists and other lists by name and author."""

import time
from collections.abc import Sequence
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import load_cards
from appview.search.candidates import find
from appview.search.cursor import DEPTH
from appview.search.documents import Hit, Search
from appview.search.pages import ranked_page
from appview.search.query import parse_query
from appview.views.list import list_view
from lexicons.terms import attribute
from lexicons.types import SearchListsOutput, SearchListsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest


async def search_lists(context: AppContext, request: XrpcRequest) -> SearchListsOutput:
    params = cast(SearchListsParams, request.params)
    query = parse_query(params["q"])
    filters = [[attribute("type", params["listType"])]] if "listType" in params else []

    async def rank(connection: Connection) -> Sequence[Hit]:
        return await find(connection, Search(query, filters), ["list"], DEPTH, enough=DEPTH)

    async with snapshot(context.pool) as connection:
        hits, cursor = await ranked_page(connection, query, request, rank, time.time())
        rows = await load_cards(connection, [hit.key for hit in hits], context.trust)
    output: SearchListsOutput = {
        "lists": [
            list_view(row, row, context.trust)
            for hit in hits
            if (row := rows.get(hit.key)) is not None
        ]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
