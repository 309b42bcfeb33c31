"""fm.plyr.library.getLists: lists by URI, in the order asked for."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import load_cards
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import load_did_uris
from appview.views.list import list_view
from appview.views.missing import missing_item
from lexicons.types import GetListsOutput, GetListsParams
from xrpc.server import XrpcRequest


async def get_lists(context: AppContext, request: XrpcRequest) -> GetListsOutput:
    params = cast(GetListsParams, request.params)
    async with snapshot(context.pool) as connection:
        did_uris = await load_did_uris(connection, params["uris"])
        uris = list(dict.fromkeys(did_uris.values()))
        rows = await load_cards(connection, uris, context.trust)
        missing = [uri for uri in uris if uri not in rows]
        reasons = await load_reasons(connection, missing)
    return {
        "lists": [
            list_view(row, row, context.trust) for uri in uris if (row := rows.get(uri)) is not None
        ],
        "missing": [missing_item(uri, reasons) for uri in missing],
    }
