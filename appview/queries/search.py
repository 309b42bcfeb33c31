"""parts.page.mention.search: people, tracks and lists, for editors that let one mention them."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.search.candidates import find
from appview.search.documents import Search
from appview.search.mixed import load_mixed
from appview.search.query import parse_query
from appview.views.mention import actor_mention, list_mention, track_mention
from lexicons.terms import Kind, attribute
from lexicons.types import MentionResult, MentionSearchOutput, MentionSearchParams
from migrations.runner import Connection
from xrpc.errors import invalid_request
from xrpc.server import XrpcRequest

SCOPES: dict[str, Kind] = {"artists": "actor", "tracks": "track", "playlists": "list"}


async def search(context: AppContext, request: XrpcRequest) -> MentionSearchOutput:
    """Who runs the service that is named is not asked: it would find the same."""
    params = cast(MentionSearchParams, request.params)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        kinds, asked = await _scoped(connection, params)
        hits = await find(connection, asked, kinds, 2 * limit, enough=1)
        views = await load_mixed(connection, hits[: 2 * limit], context.trust)
    results: list[MentionResult] = []
    for hit in hits:
        if hit.key in views.actors:
            results.append(actor_mention(views.actors[hit.key]))
        elif hit.key in views.tracks:
            results.append(track_mention(views.tracks[hit.key]))
        elif hit.key in views.lists:
            results.append(list_mention(views.lists[hit.key]))
    return {"results": results[:limit]}


async def _scoped(connection: Connection, params: MentionSearchParams) -> tuple[list[Kind], Search]:
    """A kind, or the tracks of one account; everything without a scope."""
    query, scope = parse_query(params["search"]), params.get("scope")
    if scope is None:
        return list(SCOPES.values()), Search(query)
    if scope.startswith("did:"):
        did = await shown_actor(connection, scope, parameter="scope")
        return ["track"], Search(query, [[attribute("author", did)]])
    if scope not in SCOPES:
        raise invalid_request(f"scope: {scope[:100]!r} is none that was offered here")
    return [SCOPES[scope]], Search(query)
