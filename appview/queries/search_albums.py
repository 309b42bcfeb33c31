"""fm.plyr.search.searchAlbums: albums by title and author, of lists or of tracks alone."""

import time
from collections.abc import Sequence
from typing import cast

from appview.context import AppContext, snapshot
from appview.search.candidates import find
from appview.search.cursor import DEPTH
from appview.search.documents import Hit, Search
from appview.search.mixed import load_shown_albums
from appview.search.pages import ranked_page
from appview.search.query import parse_query
from lexicons.types import SearchAlbumsOutput, SearchAlbumsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest


async def search_albums(context: AppContext, request: XrpcRequest) -> SearchAlbumsOutput:
    params = cast(SearchAlbumsParams, request.params)
    query = parse_query(params["q"])

    async def rank(connection: Connection) -> Sequence[Hit]:
        return await find(connection, Search(query), ["album"], DEPTH, enough=DEPTH)

    async with snapshot(context.pool) as connection:
        hits, cursor = await ranked_page(connection, query, request, rank, time.time())
        views = await load_shown_albums(connection, [hit.key for hit in hits], context.trust)
    output: SearchAlbumsOutput = {"albums": [views[hit.key] for hit in hits if hit.key in views]}
    if cursor is not None:
        output["cursor"] = cursor
    return output
