"""fm.plyr.playback.getPlaylistFile: a list for players that know no XRPC."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.records import load_reasons
from appview.hydrate.uris import did_uri
from appview.playback.playlist import Playlist, m3u, xspf
from appview.views.missing import list_not_shown
from appview.views.track import NAMELESS, track_view_basic
from lexicons.types import GetPlaylistFileParams
from xrpc.replies import Page
from xrpc.server import XrpcRequest

NAME = "select name, display_name, handle from shown_list where uri = $1"

ITEMS = """
select track.*
from (
    select position, subject from list_item where list_uri = $1 order by position limit 1000
) as item
join shown_track as track on track.uri = item.subject
order by item.position
"""


async def get_playlist_file(context: AppContext, request: XrpcRequest) -> Page:
    params = cast(GetPlaylistFileParams, request.params)
    async with snapshot(context.pool) as connection:
        uri = await did_uri(connection, params["uri"])
        row = await connection.fetchrow(NAME, uri)
        if row is None:
            raise list_not_shown(uri, await load_reasons(connection, [uri]))
        items = await connection.fetch(ITEMS, uri)
    playlist = Playlist(
        uri,
        row["name"] or NAMELESS,
        row["display_name"] or row["handle"] or "",
        [track_view_basic(item, context.trust) for item in items],
    )
    if params["format"] == "xspf":
        return Page(xspf(playlist), "application/xspf+xml")
    return Page(m3u(playlist).encode(), "audio/x-mpegurl; charset=utf-8")
