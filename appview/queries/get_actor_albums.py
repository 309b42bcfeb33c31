"""fm.plyr.library.getActorAlbums: an account's albums, by title."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.albums import AlbumKey, load_albums
from appview.pagination import looked_page, title_cursor, title_place
from appview.views.album import album_view
from lexicons.types import GetActorAlbumsOutput, GetActorAlbumsParams
from xrpc.server import XrpcRequest

# Titles stay in their places whatever becomes of tracks and lists; times would not. An album
# without a track that is shown is not listed. (As an `exists` it would be asked of all at once.)
# However many there are of those: a page looks at so many, and the next goes on from there.
SQL = """
select looked_at.*, is_shown
from (
    select title_key, row_number() over (order by title_key) = 2000 as is_last
    from album
    where did = $1
    and title_key > $2
    order by title_key
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown
    where (
        select true
        from shown_track
        where shown_track.did = $1
        and shown_track.album_key = looked_at.title_key
        limit 1
    )
    or (
        select true
        from album_list($1, looked_at.title_key) as own
        join listed_list on listed_list.uri = own.uri
    )
) as shown on true
where is_shown or is_last
order by title_key
limit $3
"""


async def get_actor_albums(context: AppContext, request: XrpcRequest) -> GetActorAlbumsOutput:
    params = cast(GetActorAlbumsParams, request.params)
    after = title_place(params.get("cursor"))
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, after, limit + 1)
        page, cursor = looked_page(rows, limit, title_cursor)
        keys = [AlbumKey(actor, row["title_key"]) for row in page]
        albums = await load_albums(connection, keys)
    output: GetActorAlbumsOutput = {
        "albums": [album_view(albums[key], context.trust) for key in keys]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
