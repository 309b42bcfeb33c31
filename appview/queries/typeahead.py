"""fm.plyr.search.typeahead: what a query may become, for every keystroke."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar, cast

from appview.context import AppContext, snapshot
from appview.search.candidates import find
from appview.search.documents import Hit, Search
from appview.search.mixed import keys_of, kinds_of, load_mixed
from appview.search.query import parse_query
from lexicons.terms import Kind
from lexicons.types import TypeaheadOutput, TypeaheadParams
from xrpc.server import XrpcRequest

SPARE = 2
"""Times the limit are looked at, since some may be hidden."""

ViewT = TypeVar("ViewT")


async def typeahead(context: AppContext, request: XrpcRequest) -> TypeaheadOutput:
    params = cast(TypeaheadParams, request.params)
    limit = params["limit"]
    kinds = kinds_of(params.get("types"))
    async with snapshot(context.pool) as connection:
        search = Search(parse_query(params["q"]))
        found = await find(connection, search, kinds, SPARE * limit, enough=limit)
        hits = [hit for kind in kinds for hit in best(found, kind, SPARE * limit)]
        views = await load_mixed(connection, hits, context.trust)
    return {
        "actors": shown(views.actors, keys_of(hits, "actor"), limit),
        "tracks": shown(views.tracks, keys_of(hits, "track"), limit),
        "lists": shown(views.lists, keys_of(hits, "list"), limit),
        "albums": shown(views.albums, keys_of(hits, "album"), limit),
    }


def best(hits: Sequence[Hit], kind: Kind, limit: int) -> list[Hit]:
    return list(islice((hit for hit in hits if hit.kind == kind), limit))


def shown(views: dict[str, ViewT], keys: Sequence[str], limit: int) -> list[ViewT]:
    return [views[key] for key in keys if key in views][:limit]
