"""fm.plyr.actor.getProfile: one account."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.accounts import load_profiles
from appview.hydrate.actors import shown_actor
from appview.views.actor import profile_view
from lexicons.types import GetProfileOutput, GetProfileParams
from xrpc.server import XrpcRequest


async def get_profile(context: AppContext, request: XrpcRequest) -> GetProfileOutput:
    params = cast(GetProfileParams, request.params)
    async with snapshot(context.pool) as connection:
        did = await shown_actor(connection, params["actor"], "ActorNotFound")
        profiles = await load_profiles(connection, [did])
    return {"profile": profile_view(profiles[did], context.trust.origin)}
