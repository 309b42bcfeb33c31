"""fm.plyr.library.getLists: lists by URI, in the order asked for."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import load_cards
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import did_uris
from appview.views.list import list_view
from appview.views.missing import missing_item
from lexicons.types import GetListsOutput, GetListsParams
from xrpc.server import XrpcRequest


async def get_lists(context: AppContext, request: XrpcRequest) -> GetListsOutput:
    params = cast(GetListsParams, request.params)
    async with snapshot(context.pool) as connection:
        uris = await did_uris(connection, params["uris"])
        rows = await load_cards(connection, uris, context.trust)
        missing = [uri for uri in uris if uri not in rows]
        reasons = await load_reasons(connection, missing)
    return {
        "lists": [list_view(rows[uri], rows[uri], context.trust) for uri in uris if uri in rows],
        "missing": [missing_item(uri, reasons) for uri in missing],
    }
