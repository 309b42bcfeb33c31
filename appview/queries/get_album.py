"""fm.plyr.library.getAlbum: an album, in its list's order, then what its tracks add to it."""

from itertools import count
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.albums import AlbumKey, load_albums
from appview.hydrate.lists import load_lists
from appview.hydrate.uris import did_uri
from appview.pagination import MAX_POSITION, AlbumPlace, album_place, encode_album_place
from appview.row import Row
from appview.views.album import album_item_view, album_view
from lexicons.text import title_key
from lexicons.types import GetAlbumOutput, GetAlbumParams
from migrations.runner import Connection
from xrpc.errors import XrpcError, invalid_request
from xrpc.server import XrpcRequest

ITEMS = """
select *
from (
    (
        select
            list_item.position as place,
            list_item.subject_cid,
            shown_track.*
        from list_item
        join shown_track on shown_track.uri = list_item.subject
        where list_item.list_uri = $1
        and list_item.position > $2
        and not exists (
            select
            from list_item as earlier
            where earlier.subject = list_item.subject
            and earlier.sort_at = $3
            and earlier.list_uri = $1
            and earlier.position < list_item.position
        )
        order by list_item.position
        limit 101
    )
    union all
    (
        select
            null,
            shown_track.cid,
            shown_track.*
        from shown_track
        where shown_track.did = $4
        and shown_track.album_key = $5
        and (shown_track.sort_at, shown_track.uri) > ($6, $7)
        and not exists (
            select
            from list_item
            where list_item.subject = shown_track.uri
            and list_item.sort_at = $3
            and list_item.list_uri = $1
        )
        order by shown_track.sort_at, shown_track.uri
        limit 101
    )
) as page
order by place, sort_at, uri
limit $8
"""


async def get_album(context: AppContext, request: XrpcRequest) -> GetAlbumOutput:
    params = cast(GetAlbumParams, request.params)
    after = album_place(params.get("cursor"))
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        key = await find_album(connection, params)
        album = (await load_albums(connection, [key])).get(key)
        if album is None:
            raise XrpcError(400, "AlbumNotFound", "title: no such album is shown here")
        rows = await connection.fetch(
            ITEMS,
            album["uri"],
            MAX_POSITION if after.uri else after.position,
            album["sort_at"],
            key.did,
            key.title_key,
            after.sort_at,
            after.uri,
            limit + 1,
        )
    # Behind the list the places go on where it ends, or the page before has ended.
    places = count(max(album["list_length"] or 0, after.position + 1 if after.uri else 0))
    page = [(row, next(places) if row["place"] is None else row["place"]) for row in rows[:limit]]
    output: GetAlbumOutput = {
        "album": album_view(album, context.trust),
        "items": [
            album_item_view(row, place, row["subject_cid"], context.trust) for row, place in page
        ],
    }
    if len(rows) > limit:
        output["cursor"] = encode_album_place(last_place(*page[-1]))
    return output


def last_place(row: Row, position: int) -> AlbumPlace:
    if row["place"] is not None:
        return AlbumPlace(position)
    return AlbumPlace(position, row["sort_at"], row["uri"])


async def find_album(connection: Connection, params: GetAlbumParams) -> AlbumKey:
    if "uri" in params:
        if "actor" in params or "title" in params:
            raise invalid_request("uri: give it alone, or else actor and title")
        uri = await did_uri(connection, params["uri"])
        row = (await load_lists(connection, [uri])).get(uri)
        if row is None or row["list_type"] != "album":
            raise XrpcError(400, "AlbumNotFound", f"uri: {uri} is no album that is shown here")
        return AlbumKey(row["did"], row["title_key"], uri)
    if "actor" not in params:
        raise invalid_request("actor: missing, as is uri; give one of them")
    key = title_key(params.get("title", ""))
    if key is None:
        raise invalid_request("title: missing or empty")
    return AlbumKey(await shown_actor(connection, params["actor"]), key)
