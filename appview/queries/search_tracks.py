"""fm.plyr.search.searchTracks: tracks by words, best first, within what else is asked for."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.tracks import load_tracks
from appview.pagination import EARLIEST, LATEST
from appview.parameters import moment
from appview.rules import Trust
from appview.search.candidates import find, find_newest
from appview.search.cursor import DEPTH
from appview.search.documents import Hit, Search, Span
from appview.search.pages import ranked_page
from appview.search.query import parse_query
from appview.search.shelves import Filters
from appview.search.views import match_view
from appview.views.track import track_view
from lexicons.tags import plain_tag
from lexicons.terms import attribute
from lexicons.types import SearchTracksOutput, SearchTracksParams, TrackHit
from migrations.runner import Connection
from xrpc.server import XrpcRequest

A_CLOCKS_ERROR = timedelta(days=1)
"""By which a track may be newer than our clock says."""


async def search_tracks(context: AppContext, request: XrpcRequest) -> SearchTracksOutput:
    params = cast(SearchTracksParams, request.params)
    now = time.time()
    horizon = datetime.fromtimestamp(now, UTC) + A_CLOCKS_ERROR
    span = span_of(params, horizon)
    query = parse_query(params["q"])
    author = params.get("author")
    if author is not None and not author.startswith("did:"):
        author = author.lower()
    search = Search(query, filters(params, context.trust), span, author)

    async def rank(connection: Connection) -> Sequence[Hit]:
        return await ranking(connection, search, params["sort"], horizon)

    async with snapshot(context.pool) as connection:
        hits, cursor = await ranked_page(connection, query, request, rank, now)
        rows = await load_tracks(connection, [hit.key for hit in hits])
        if author is not None and not rows:
            # Of an account that is not shown no track is: who sees one need not ask.
            await shown_actor(connection, params["author"], parameter="author")
    shown: list[TrackHit] = [
        {"track": track_view(rows[hit.key], context.trust), "match": match_view(hit.match)}
        for hit in hits
        if hit.key in rows
    ]
    if params["playable"]:
        shown = [hit for hit in shown if hit["track"]["playability"] == "playable"]
    output: SearchTracksOutput = {"tracks": shown}
    if cursor is not None:
        output["cursor"] = cursor
    return output


def span_of(params: SearchTracksParams, horizon: datetime) -> Span:
    since, until = params.get("since"), params.get("until")
    lengths = params.get("minDurationMs"), params.get("maxDurationMs")
    if since is None and until is None:
        return Span(EARLIEST, LATEST, *lengths)
    until_then = min(moment("until", until, LATEST), horizon)
    return Span(moment("since", since, EARLIEST), until_then, *lengths)


async def ranking(
    connection: Connection, search: Search, sort: str, horizon: datetime
) -> Sequence[Hit]:
    if sort == "newest":
        return await find_newest(connection, search, "track", DEPTH, horizon)
    hits = await find(connection, search, ["track"], DEPTH, enough=DEPTH)
    if sort == "top":
        return sorted(hits, key=lambda hit: (hit.points, hit.id), reverse=True)
    return hits


def filters(params: SearchTracksParams, trust: Trust) -> Filters:
    groups: list[list[str]] = []
    if "tag" in params:
        groups.append([attribute("tag", plain_tag(params["tag"]))])
    if "fileType" in params:
        groups.append([attribute("file", params["fileType"].lower())])
    if params["playable"]:
        places = ["blob", *trust.prefixes]
        groups.append([attribute("audio", place) for place in places])
    return groups
