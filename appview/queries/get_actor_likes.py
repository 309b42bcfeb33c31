"""fm.plyr.feed.getActorLikes: the tracks an account likes, newest like first."""

from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.pagination import LATEST, looked_page, time_cursor, time_key
from appview.views.track import feed
from lexicons.types import GetActorLikesOutput, GetActorLikesParams
from xrpc.server import XrpcRequest

# Of an account's several likes of one track the first stands for all. However many more there are,
# or of tracks that are gone: a page looks at so many, and the next goes on from there. (Because of
# its limit the inner query asks whether a like counts before it reads anything of the track.)
SQL = """
select looked_at.*, shown.*
from (
    select
        uri as like_uri,
        subject as liked,
        sort_at as liked_at,
        row_number() over (order by sort_at desc, uri desc) = 2000 as is_last
    from "like"
    where did = $1
    and (sort_at, uri) < ($2, $3)
    order by sort_at desc, uri desc
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, shown_track.*
    from shown_track
    where shown_track.uri = looked_at.liked
    and not exists (select from local.takedown where takedown.subject = looked_at.like_uri)
    and not exists (
        select
        from link as earlier
        where earlier.subject = looked_at.liked
        and earlier.kind = 'like'
        and earlier.did = $1
        and earlier.uri < looked_at.like_uri
    )
    limit 1
) as shown on true
where is_shown or is_last
order by liked_at desc, like_uri desc
limit $4
"""


async def get_actor_likes(context: AppContext, request: XrpcRequest) -> GetActorLikesOutput:
    params = cast(GetActorLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, *start, limit + 1)
        page, cursor = looked_page(rows, limit, partial(time_cursor, at="liked_at", uri="like_uri"))
    output: GetActorLikesOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
