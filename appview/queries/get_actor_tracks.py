"""fm.plyr.feed.getActorTracks: an account's tracks, and those that feature it."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.rankings import DEPTH, Ranked, go_on, load_taken, take, taken
from appview.hydrate.tracks import load_tracks
from appview.pagination import EARLIEST, LATEST, Order, page_of, time_cursor, time_key
from appview.row import Row
from appview.views.track import feed
from lexicons.syntax import Did
from lexicons.types import GetActorTracksOutput, GetActorTracksParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest

NEWEST = """
select *
from (
    (
        select *
        from shown_track
        where did = $1
        and (sort_at, uri) < ($2, $3)
        order by sort_at desc, uri desc
        limit 101
    )
    union all
    (
        select *
        from shown_track
        where $4::boolean
        and features @> array[$1]
        and features <> '{}'
        and did <> $1
        and (sort_at, uri) < ($2, $3)
        order by sort_at desc, uri desc
        limit 101
    )
) as page
order by sort_at desc, uri desc
limit $5
"""

OLDEST = """
select *
from (
    (
        select *
        from shown_track
        where did = $1
        and (sort_at, uri) > ($2, $3)
        order by sort_at, uri
        limit 101
    )
    union all
    (
        select *
        from shown_track
        where $4::boolean
        and features @> array[$1]
        and features <> '{}'
        and did <> $1
        and (sort_at, uri) > ($2, $3)
        order by sort_at, uri
        limit 101
    )
) as page
order by sort_at, uri
limit $5
"""

# Without the author's own like. The order is by what is counted, hidden tracks leave later.
TOP = """
select track.uri
from (
    select uri, did, sort_at
    from track
    where did = $1
    union all
    select uri, did, sort_at
    from track
    where $2::boolean
    and features @> array[$1]
    and features <> '{}'
    and did <> $1
) as track
left join subject_count on subject_count.subject = track.uri
cross join lateral (
    select count(*) as likes
    from link
    where link.subject = track.uri
    and link.kind = 'like'
    and link.did = track.did
    and link.counted
) as own
order by coalesce(subject_count.likes, 0) - own.likes desc, track.sort_at desc, track.uri desc
limit $3
"""


async def get_actor_tracks(context: AppContext, request: XrpcRequest) -> GetActorTracksOutput:
    params = cast(GetActorTracksParams, request.params)
    if params["sort"] == "top":
        # Not of one moment, since the order has to be kept: what it names may be gone.
        async with context.pool.acquire() as connection:
            actor = await shown_actor(connection, params["actor"])
            rows, cursor = await _top(connection, actor, params)
    else:
        async with snapshot(context.pool) as connection:
            actor = await shown_actor(connection, params["actor"])
            rows, cursor = await _by_time(connection, actor, params)
    output: GetActorTracksOutput = {"feed": feed(rows, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output


async def _by_time(
    connection: Connection, actor: Did, params: GetActorTracksParams
) -> tuple[Sequence[Row], str | None]:
    cursor, limit = params.get("cursor"), params["limit"]
    if params["sort"] == "newest":
        sql, order, start = NEWEST, Order.TIME, LATEST
    else:
        sql, order, start = OLDEST, Order.OLDEST, EARLIEST
    key = time_key(cursor, start, order)
    rows = await connection.fetch(sql, actor, *key, params["includeFeatures"], limit + 1)
    return page_of(rows, limit, partial(time_cursor, order=order))


async def _top(
    connection: Connection, actor: Did, params: GetActorTracksParams
) -> tuple[Sequence[Row], str | None]:
    includes_features, limit = params["includeFeatures"], params["limit"]
    order = f"tracks of {actor}{' and with them' if includes_features else ''}"
    if "cursor" in params:
        page = await go_on(connection, taken(order), params["cursor"], limit)
    else:
        page = await _first(connection, order, actor, params)
    rows = await load_tracks(connection, page.subjects)
    return [rows[uri] for uri in page.subjects if uri in rows], page.cursor


async def _first(
    connection: Connection, order: str, actor: Did, params: GetActorTracksParams
) -> Ranked:
    limit = params["limit"]
    page = await load_taken(connection, order, limit)
    if page is not None:
        return page
    found = await connection.fetch(TOP, actor, params["includeFeatures"], DEPTH)
    return await take(connection, order, [row["uri"] for row in found], limit)
