"""fm.plyr.feed.getActorLikes: the tracks an account likes, newest like first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.pagination import LATEST, time_key, time_page
from appview.views.track import feed
from lexicons.types import GetActorLikesOutput, GetActorLikesParams
from xrpc.server import XrpcRequest

# Of an account's several likes of one track the first stands for all.
SQL = """
select *
from (
    select
        shown_track.*,
        "like".sort_at as liked_at,
        "like".uri as like_uri
    from "like"
    join shown_track on shown_track.uri = "like".subject
    where "like".did = $1
    and ("like".sort_at, "like".uri) < ($2, $3)
    and not exists (select from local.takedown where takedown.subject = "like".uri)
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


async def get_actor_likes(context: AppContext, request: XrpcRequest) -> GetActorLikesOutput:
    params = cast(GetActorLikesParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        rows = await connection.fetch(SQL, actor, *start, limit + 1)
        page, cursor = time_page(rows, limit, at="liked_at", uri="like_uri")
    output: GetActorLikesOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
