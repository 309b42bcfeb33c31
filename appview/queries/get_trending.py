"""fm.plyr.feed.getTrending: the tracks that most is made of these days."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.rankings import load_chart
from appview.hydrate.tracks import load_tracks
from appview.views.track import track_view
from lexicons.types import FeedItem, GetTrendingOutput, GetTrendingParams, ReasonTrending
from xrpc.server import XrpcRequest

CHART = "trending"
REASON: ReasonTrending = {"$type": "fm.plyr.feed.defs#reasonTrending"}


async def get_trending(context: AppContext, request: XrpcRequest) -> GetTrendingOutput:
    params = cast(GetTrendingParams, request.params)
    async with snapshot(context.pool) as connection:
        ranked = await load_chart(connection, CHART, params.get("cursor"), params["limit"])
        if ranked is None:
            return {"feed": []}
        rows = await load_tracks(connection, ranked.subjects)
    shown: list[FeedItem] = [
        {"track": track_view(rows[uri], context.trust), "reason": REASON}
        for uri in ranked.subjects
        if uri in rows
    ]
    output: GetTrendingOutput = {"feed": shown}
    if ranked.computed_at is not None:
        output["computedAt"] = ranked.computed_at
    if ranked.cursor is not None:
        output["cursor"] = ranked.cursor
    return output
