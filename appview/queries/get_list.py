"""fm.plyr.library.getList: a list and its items, in the order of its record."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.lists import load_lists, load_summaries
from appview.hydrate.records import load_reasons, load_values
from appview.hydrate.tracks import load_tracks
from appview.hydrate.uris import did_uri
from appview.pagination import position_key, position_page
from appview.views.list import list_item_view, list_view
from appview.views.missing import NOT_INDEXED
from lexicons.types import GetListOutput, GetListParams
from xrpc.errors import XrpcError
from xrpc.server import XrpcRequest

ITEMS = """
select position, subject, subject_cid
from list_item
where list_uri = $1
and position > $2
order by position
limit $3
"""


async def get_list(context: AppContext, request: XrpcRequest) -> GetListOutput:
    params = cast(GetListParams, request.params)
    after = position_key(params.get("cursor"))
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        row = (await load_lists(connection, [uri])).get(uri)
        if row is None:
            reason = (await load_reasons(connection, [uri])).get(uri, NOT_INDEXED)
            raise XrpcError(400, "ListNotFound", f"{uri}: {reason}")
        summaries = await load_summaries(connection, [uri], context.trust)
        records = await load_values(connection, [uri]) if "cursor" not in params else {}
        items = await connection.fetch(ITEMS, uri, after, params["limit"] + 1)
        page, cursor = position_page(items, params["limit"])
        subjects = [item["subject"] for item in page]
        tracks = await load_tracks(connection, subjects)
        reasons = await load_reasons(connection, [uri for uri in subjects if uri not in tracks])
    view = list_view(row, summaries.get(uri), context.trust)
    if uri in records:
        view["record"] = records[uri]
    output: GetListOutput = {
        "list": view,
        "items": [list_item_view(item, tracks, reasons, context.trust) for item in page],
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
