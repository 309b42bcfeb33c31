"""fm.plyr.actor.getProfiles: accounts by DID or handle, in the order asked for."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.accounts import find_dids, load_account_reasons, load_profiles
from appview.views.actor import profile_view
from appview.views.missing import missing_actor
from lexicons.types import GetProfilesOutput, GetProfilesParams
from xrpc.server import XrpcRequest


async def get_profiles(context: AppContext, request: XrpcRequest) -> GetProfilesOutput:
    params = cast(GetProfilesParams, request.params)
    actors = list(dict.fromkeys(params["actors"]))
    async with snapshot(context.pool) as connection:
        found = await find_dids(connection, actors)
        profiles = await load_profiles(connection, list(dict.fromkeys(found.values())))
        hidden = [did for did in found.values() if did not in profiles]
        reasons = await load_account_reasons(connection, hidden)
    origin = context.trust.origin
    asked = dict.fromkeys(found.get(actor, actor) for actor in actors)
    return {
        "profiles": [profile_view(profiles[did], origin) for did in asked if did in profiles],
        "missing": [missing_actor(did, reasons) for did in asked if did not in profiles],
    }
