"""fm.plyr.playback.getPlaybacks: where tracks can be had, in the order asked for."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import did_uris
from appview.playback.playbacks import load_playbacks
from appview.playback.views import playback_view
from appview.views.missing import missing_item
from lexicons.types import GetPlaybacksOutput, GetPlaybacksParams
from xrpc.server import XrpcRequest


async def get_playbacks(context: AppContext, request: XrpcRequest) -> GetPlaybacksOutput:
    params = cast(GetPlaybacksParams, request.params)
    async with snapshot(context.pool) as connection:
        uris = await did_uris(connection, params["uris"])
        rows = await load_playbacks(connection, uris)
        missing = [uri for uri in uris if uri not in rows]
        reasons = await load_reasons(connection, missing)
    return {
        "playbacks": [
            playback_view(rows[uri], context.trust, context.max_blob_bytes)
            for uri in uris
            if uri in rows
        ],
        "missing": [missing_item(uri, reasons) for uri in missing],
    }
