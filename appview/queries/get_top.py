"""fm.plyr.feed.getTop: the tracks that most accounts liked, commented on or put on lists."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.rankings import load_chart
from appview.hydrate.tracks import load_tracks
from appview.views.track import feed
from lexicons.types import GetTopOutput, GetTopParams
from xrpc.server import XrpcRequest


async def get_top(context: AppContext, request: XrpcRequest) -> GetTopOutput:
    params = cast(GetTopParams, request.params)
    window = params["window"]
    chart = f"top {params['metric']} {window}"
    async with snapshot(context.pool) as connection:
        ranked = await load_chart(connection, chart, params.get("cursor"), params["limit"])
        if ranked is None:
            return {"feed": [], "window": window}
        rows = await load_tracks(connection, ranked.subjects)
    shown = [rows[uri] for uri in ranked.subjects if uri in rows]
    output: GetTopOutput = {"feed": feed(shown, context.trust), "window": window}
    if ranked.computed_at is not None:
        output["computedAt"] = ranked.computed_at
    if ranked.cursor is not None:
        output["cursor"] = ranked.cursor
    return output
