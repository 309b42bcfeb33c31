"""fm.plyr.library.getActorAlbums: an account's albums, by title."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.albums import AlbumKey, load_albums
from appview.pagination import title_cursor, title_page, title_place
from appview.views.album import album_view
from lexicons.types import GetActorAlbumsOutput, GetActorAlbumsParams
from xrpc.server import XrpcRequest

# Titles stay in their places whatever becomes of tracks and lists; times would not. An album
# without a track that is shown is not listed. (As an `exists` it would be asked of all at once.)
# However many there are of those: a page looks at so many, and the next goes on from there.
LOOKED_AT = """
select title_key
from album
where did = $1
and title_key > $2
order by title_key
"""

_SHOWN = """
select *
from (
    select album.title_key
    from ({looked_at} limit 2000) as album
    where (
        (
            select true
            from shown_track
            where shown_track.did = $1
            and shown_track.album_key = album.title_key
            limit 1
        )
        or (
            select true
            from album_list($1, album.title_key) as list
            left join derived.list_sum as kept
                on kept.uri = list.uri
                and (kept.cid = list.cid or list.is_long)
            where coalesce(
                kept.shown > 0,
                not list.is_long
                and (
                    select true
                    from list_item
                    join summed_track on summed_track.uri = list_item.subject
                    where list_item.list_uri = list.uri
                    limit 1
                )
            )
        )
    )
    order by album.title_key
    limit 101
) as page
limit $3
"""

SQL = _SHOWN.format(looked_at=LOOKED_AT)
LAST_LOOKED_AT = LOOKED_AT + "offset 1999 limit 1"


async def get_actor_albums(context: AppContext, request: XrpcRequest) -> GetActorAlbumsOutput:
    params = cast(GetActorAlbumsParams, request.params)
    after = title_place(params.get("cursor"))
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, after, limit + 1)
        page, cursor = title_page(rows, limit)
        if cursor is None:
            last = await connection.fetchrow(LAST_LOOKED_AT, actor, after)
            cursor = title_cursor(last) if last else None
        keys = [AlbumKey(actor, row["title_key"]) for row in page]
        albums = await load_albums(connection, keys)
    output: GetActorAlbumsOutput = {
        "albums": [album_view(albums[key], context.trust) for key in keys]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
