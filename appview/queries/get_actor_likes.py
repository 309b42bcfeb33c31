"""fm.plyr.feed.getActorLikes: the tracks an account likes, newest like first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.pagination import LATEST, time_cursor, time_key, time_page
from appview.views.track import feed
from lexicons.types import GetActorLikesOutput, GetActorLikesParams
from xrpc.server import XrpcRequest

# Of an account's several likes of one track the first stands for all. However many more there are,
# or of tracks that are gone: a page looks at so many, and the next goes on from there.
SQL = """
select *
from (
    select
        shown_track.*,
        "like".sort_at as liked_at,
        "like".uri as like_uri
    from (
        select *
        from "like"
        where did = $1
        and (sort_at, uri) < ($2, $3)
        order by sort_at desc, uri desc
        limit 2000
    ) as "like"
    join shown_track on shown_track.uri = "like".subject
    where not exists (select from local.takedown where takedown.subject = "like".uri)
    and not exists (
        select
        from link as earlier
        where earlier.subject = "like".subject
        and earlier.kind = 'like'
        and earlier.did = "like".did
        and earlier.uri < "like".uri
    )
    order by "like".sort_at desc, "like".uri desc
    limit 101
) as page
limit $4
"""

LAST_LOOKED_AT = """
select sort_at as liked_at, uri as like_uri
from "like"
where did = $1
and (sort_at, uri) < ($2, $3)
order by sort_at desc, uri desc
offset 1999
limit 1
"""


async def get_actor_likes(context: AppContext, request: XrpcRequest) -> GetActorLikesOutput:
    params = cast(GetActorLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, *start, limit + 1)
        page, cursor = time_page(rows, limit, at="liked_at", uri="like_uri")
        if cursor is None:
            last = await connection.fetchrow(LAST_LOOKED_AT, actor, *start)
            cursor = time_cursor(last, at="liked_at", uri="like_uri") if last else None
    output: GetActorLikesOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
