"""fm.plyr.feed.getTracks: tracks by URI, in the order asked for."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons, load_values
from appview.hydrate.tracks import load_tracks
from appview.hydrate.uris import did_uris
from appview.views.missing import missing_item
from appview.views.track import track_view_with_record
from lexicons.types import GetTracksOutput, GetTracksParams
from xrpc.server import XrpcRequest


async def get_tracks(context: AppContext, request: XrpcRequest) -> GetTracksOutput:
    params = cast(GetTracksParams, request.params)
    async with snapshot(context.pool) as connection:
        uris = await did_uris(connection, params["uris"])
        rows = await load_tracks(connection, uris)
        records = await load_values(connection, rows)
        missing = [uri for uri in uris if uri not in rows]
        reasons = await load_reasons(connection, missing)
    return {
        "tracks": [
            track_view_with_record(rows[uri], records, context.trust) for uri in uris if uri in rows
        ],
        "missing": [missing_item(uri, reasons) for uri in missing],
    }
