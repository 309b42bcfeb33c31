"""fm.plyr.search.searchAll: everything that a query may mean, the kinds among one another."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from appview.context import AppContext, snapshot
from appview.search.candidates import find
from appview.search.documents import Hit, Search
from appview.search.mixed import KINDS, Mixed, kinds_of, load_mixed
from appview.search.query import parse_query
from appview.search.views import match_view
from lexicons.types import Result, SearchAllOutput, SearchAllParams
from xrpc.server import XrpcRequest

SPARE = 2
TYPES = {
    "actor": "fm.plyr.actor.defs#profileViewBasic",
    "track": "fm.plyr.feed.defs#trackViewBasic",
    "list": "fm.plyr.library.defs#listViewBasic",
    "album": "fm.plyr.library.defs#albumView",
}


async def search_all(context: AppContext, request: XrpcRequest) -> SearchAllOutput:
    params = cast(SearchAllParams, request.params)
    limit = params["limit"]
    kinds = kinds_of(params.get("types"))
    async with snapshot(context.pool) as connection:
        search = Search(parse_query(params["q"]))
        found = await find(connection, search, kinds, SPARE * limit, enough=limit)
        hits = taking_turns(found)[: SPARE * limit]
        views = await load_mixed(connection, hits, context.trust)
    results = [result(hit, views) for hit in hits]
    return {"results": [each for each in results if each is not None][:limit]}


def taking_turns(hits: Sequence[Hit]) -> list[Hit]:
    """Better classes first; within one each kind has its turn, since their scores don't compare."""
    seen: Counter[tuple[object, ...]] = Counter()
    ordered = []
    for hit in hits:
        among = (hit.match.of, hit.match.place, hit.match.slips)
        turn = seen[(*among, hit.kind)]
        seen[(*among, hit.kind)] += 1
        ordered.append((among, turn, KINDS.index(hit.kind), hit))
    ordered.sort(key=lambda each: each[:3])
    return [hit for *_, hit in ordered]


def result(hit: Hit, views: Mixed) -> Result | None:
    by_kind: dict[str, dict[str, Any]] = {
        "actor": dict(views.actors),
        "track": dict(views.tracks),
        "list": dict(views.lists),
        "album": dict(views.albums),
    }
    view = by_kind[hit.kind].get(hit.key)
    if view is None:
        return None
    item = {"$type": TYPES[hit.kind], **view}
    return cast(Result, {"item": item, "match": match_view(hit.match)})
