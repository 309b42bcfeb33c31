"""fm.plyr.library.getList: a list and its items, in the order of its record."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import did_uri
from appview.pagination import page_of, position_cursor, position_key
from appview.views.list import list_item_view, list_view
from appview.views.missing import list_not_shown
from lexicons.data_model import decode, to_json
from lexicons.types import GetListOutput, GetListParams
from xrpc.server import XrpcRequest

# With its record where that is wanted.
LIST = """
select shown_list.*, summary.*, record.value
from shown_list
cross join lateral list_summary(
    shown_list.uri, shown_list.cid, shown_list.is_long, $2::text[]
) as summary
left join record
    on $3::boolean
    and record.did = shown_list.did
    and record.collection = split_part(shown_list.uri, '/', 4)
    and record.rkey = shown_list.rkey
where shown_list.uri = $1
"""

ITEMS = """
select list_item.position, list_item.subject, list_item.subject_cid, track.*
from list_item
left join shown_track as track on track.uri = list_item.subject
where list_item.list_uri = $1
and list_item.position > $2
order by list_item.position
limit $3
"""


async def get_list(context: AppContext, request: XrpcRequest) -> GetListOutput:
    params = cast(GetListParams, request.params)
    after = position_key(params.get("cursor"))
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        row = await connection.fetchrow(LIST, uri, context.trust.hosts, "cursor" not in params)
        if row is None:
            raise list_not_shown(uri, await load_reasons(connection, [uri]))
        items = await connection.fetch(ITEMS, uri, after, params["limit"] + 1)
        page, cursor = page_of(items, params["limit"], position_cursor)
        missing = [item["subject"] for item in page if item["uri"] is None]
        reasons = await load_reasons(connection, missing)
    view = list_view(row, row, context.trust)
    if row["value"] is not None:
        view["record"] = to_json(decode(row["value"]))
    tracks = {item["uri"]: item for item in page if item["uri"] is not None}
    output: GetListOutput = {
        "list": view,
        "items": [list_item_view(item, tracks, reasons, context.trust) for item in page],
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
