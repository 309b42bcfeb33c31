"""fm.plyr.playback.getPlayback: where a track can be had, or why it cannot."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import did_uri
from appview.playback.playbacks import load_playbacks
from appview.playback.views import playback_view
from appview.views.missing import track_not_shown
from lexicons.types import GetPlaybackOutput, GetPlaybackParams
from xrpc.server import XrpcRequest


async def get_playback(context: AppContext, request: XrpcRequest) -> GetPlaybackOutput:
    params = cast(GetPlaybackParams, request.params)
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        row = (await load_playbacks(connection, [uri])).get(uri)
        if row is None:
            raise track_not_shown(uri, await load_reasons(connection, [uri]))
    return {"playback": playback_view(row, context.trust, context.max_blob_bytes)}
