"""fm.plyr.feed.getTrack: one track with its record."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons, load_values
from appview.hydrate.tracks import load_tracks
from appview.hydrate.uris import did_uri
from appview.views.missing import track_not_shown
from appview.views.track import track_view_with_record
from lexicons.types import GetTrackOutput, GetTrackParams
from xrpc.server import XrpcRequest


async def get_track(context: AppContext, request: XrpcRequest) -> GetTrackOutput:
    params = cast(GetTrackParams, request.params)
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        row = (await load_tracks(connection, [uri])).get(uri)
        if row is None:
            raise track_not_shown(uri, await load_reasons(connection, [uri]))
        records = await load_values(connection, [uri])
    return {"track": track_view_with_record(row, records, context.trust)}
