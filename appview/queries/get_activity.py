"""fm.plyr.feed.getActivity: what people do, newest first."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.activity import KINDS, load_activity
from appview.hydrate.actors import shown_actor
from appview.hydrate.lists import load_lists
from appview.hydrate.tracks import load_tracks
from appview.pagination import LATEST, Order, time_key
from appview.views.activity import activity_item
from lexicons.syntax import Did
from lexicons.types import GetActivityOutput, GetActivityParams
from xrpc.errors import XrpcError, invalid_request
from xrpc.server import XrpcRequest


async def get_activity(context: AppContext, request: XrpcRequest) -> GetActivityOutput:
    params = cast(GetActivityParams, request.params)
    if params["following"]:
        raise _not_followed(request.viewer)
    start = time_key(params.get("cursor"), LATEST, Order.ACTIVITY)
    kinds = params.get("kinds") or KINDS
    async with snapshot(context.pool) as connection:
        actor = await shown_actor(connection, params["actor"]) if "actor" in params else None
        page, cursor = await load_activity(connection, kinds, start, params["limit"], actor)
        subjects = list({row["subject"] for row in page})
        tracks = await load_tracks(connection, subjects)
        named = {row["list_uri"] or row["subject"] for row in page} - tracks.keys()
        lists = await load_lists(connection, list(named))
    output: GetActivityOutput = {
        "activity": [activity_item(row, tracks, lists, context.trust) for row in page]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output


def _not_followed(viewer: Did | None) -> XrpcError:
    if viewer is None:
        return XrpcError(401, "AuthMissing", "following: a token has to say who follows")
    return invalid_request("following: whom an account follows is not known here yet")
