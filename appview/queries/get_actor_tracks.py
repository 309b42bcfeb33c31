"""fm.plyr.feed.getActorTracks: an account's tracks, and those that feature it."""

from collections.abc import Sequence
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.tracks import load_tracks
from appview.pagination import EARLIEST, LATEST, Row, time_key, time_page
from appview.snapshots import DEPTH, find_ranking, ranked_page
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

TOP = """
select uri
from shown_track
where did = $1
or $2::boolean and features @> array[$1] and features <> '{}'
order by likes desc, uri desc
limit $3
"""


async def get_actor_tracks(context: AppContext, request: XrpcRequest) -> GetActorTracksOutput:
    params = cast(GetActorTracksParams, request.params)
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"])
        if params["sort"] == "top":
            rows, cursor = await _top(context, connection, actor, params)
        else:
            rows, cursor = await _by_time(connection, actor, params)
    output: GetActorTracksOutput = {"feed": feed(rows, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output


async def _by_time(
    connection: Connection, actor: Did, params: GetActorTracksParams
) -> tuple[Sequence[Row], str | None]:
    newest = params["sort"] == "newest"
    start = time_key(params.get("cursor"), LATEST if newest else EARLIEST)
    limit = params["limit"]
    sql = NEWEST if newest else OLDEST
    includes_features = params["includeFeatures"]
    rows = await connection.fetch(sql, actor, *start, includes_features, limit + 1)
    return time_page(rows, limit)


async def _top(
    context: AppContext, connection: Connection, actor: Did, params: GetActorTracksParams
) -> tuple[Sequence[Row], str | None]:
    includes_features = params["includeFeatures"]
    subject = ("getActorTracks", actor, includes_features)
    ranking, place = find_ranking(context.snapshots, subject, params.get("cursor"))
    if ranking is None:
        found = await connection.fetch(TOP, actor, includes_features, DEPTH)
        ranking = context.snapshots.add(subject, tuple(row["uri"] for row in found))
    uris, cursor = ranked_page(ranking, place, params["limit"])
    rows = await load_tracks(connection, uris)
    return [rows[uri] for uri in uris if uri in rows], cursor
