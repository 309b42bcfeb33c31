"""The composition of the server: queries by method, and beside them who we are.

An endpoint is added as a file in queries/ and a line in ENDPOINTS.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from appview.context import AppContext, AppSettings
from appview.events.source import PATH as EVENTS_PATH
from appview.events.source import EventSource
from appview.events.tail import Tail
from appview.hydrate.accounts import load_rev
from appview.labelling import label
from appview.media.blobs import Blobs
from appview.pages.routes import page_routes
from appview.pictures.fetching import Fetching
from appview.pictures.pictures import Gallery
from appview.pictures.routes import picture_routes
from appview.playback.stream import stream_route
from appview.queries.get_activity import get_activity
from appview.queries.get_actor_albums import get_actor_albums
from appview.queries.get_actor_likes import get_actor_likes
from appview.queries.get_actor_lists import get_actor_lists
from appview.queries.get_actor_tracks import get_actor_tracks
from appview.queries.get_album import get_album
from appview.queries.get_blob import get_blob
from appview.queries.get_comments import get_comments
from appview.queries.get_latest import get_latest
from appview.queries.get_latest_lists import get_latest_lists
from appview.queries.get_likes import get_likes
from appview.queries.get_list import get_list
from appview.queries.get_lists import get_lists
from appview.queries.get_lists_containing import get_lists_containing
from appview.queries.get_network_stats import get_network_stats
from appview.queries.get_playback import get_playback
from appview.queries.get_playbacks import get_playbacks
from appview.queries.get_playlist_file import get_playlist_file
from appview.queries.get_profile import get_profile
from appview.queries.get_profiles import get_profiles
from appview.queries.get_record_status import get_record_status
from appview.queries.get_related import get_related
from appview.queries.get_status import get_status
from appview.queries.get_tag_feed import get_tag_feed
from appview.queries.get_top import get_top
from appview.queries.get_track import get_track
from appview.queries.get_tracks import get_tracks
from appview.queries.get_trending import get_trending
from appview.queries.list_actors import list_actors
from appview.queries.list_tags import list_tags
from appview.queries.query_labels import query_labels
from appview.queries.request_repo import request_repo
from appview.queries.search import search
from appview.queries.search_actors import search_actors
from appview.queries.search_albums import search_albums
from appview.queries.search_all import search_all
from appview.queries.search_lists import search_lists
from appview.queries.search_tracks import search_tracks
from appview.queries.subscribe_events import subscribe_events
from appview.queries.typeahead import typeahead
from appview.rules import Trust
from appview.wellknown import SERVICE_ID, wellknown_routes
from lexicons.catalog import Catalog
from lexicons.syntax import Did
from migrations.database import DATABASE_AWAY, Pool
from xrpc.auth import ServiceAuth
from xrpc.beside import Beside
from xrpc.errors import XrpcError, not_enough_resources
from xrpc.identity import IdentityResolver
from xrpc.rate_limit import RateLimit, RateLimiter
from xrpc.seats import Seats
from xrpc.server import Endpoint, Hooks, Output, XrpcRequest, XrpcServer
from xrpc.stream import StreamServer, Subscription

Handler: TypeAlias = Callable[[AppContext, XrpcRequest], Awaitable[Output]]

# What many ask for at once is remembered for a moment, for those without a token.
HOT = 1.0


def _ours(name: str, handler: Handler, *, memory_seconds: float = 0) -> Endpoint[AppContext]:
    """A method of `fm.plyr`, by the short name that people call it by."""
    return Endpoint(f"fm.plyr.{name}", handler, memory_seconds=memory_seconds)


ENDPOINTS: tuple[Endpoint[AppContext], ...] = (
    Endpoint("com.atproto.label.queryLabels", query_labels),
    _ours("actor.getProfile", get_profile),
    _ours("actor.getProfiles", get_profiles),
    _ours("actor.listActors", list_actors),
    _ours("feed.getActivity", get_activity, memory_seconds=HOT),
    _ours("feed.getActorLikes", get_actor_likes),
    _ours("feed.getActorTracks", get_actor_tracks),
    _ours("feed.getComments", get_comments),
    _ours("feed.getLatest", get_latest, memory_seconds=HOT),
    _ours("feed.getLikes", get_likes),
    _ours("feed.getRelated", get_related),
    _ours("feed.getTagFeed", get_tag_feed),
    _ours("feed.getTop", get_top, memory_seconds=HOT),
    _ours("feed.getTrack", get_track),
    _ours("feed.getTracks", get_tracks),
    _ours("feed.getTrending", get_trending, memory_seconds=HOT),
    _ours("feed.listTags", list_tags, memory_seconds=HOT),
    _ours("library.getActorAlbums", get_actor_albums),
    _ours("library.getActorLists", get_actor_lists),
    _ours("library.getAlbum", get_album),
    _ours("library.getLatestLists", get_latest_lists, memory_seconds=HOT),
    _ours("library.getList", get_list),
    _ours("library.getLists", get_lists),
    _ours("library.getListsContaining", get_lists_containing),
    _ours("search.searchActors", search_actors),
    _ours("search.searchAlbums", search_albums),
    _ours("search.searchAll", search_all),
    _ours("search.searchLists", search_lists),
    _ours("search.searchTracks", search_tracks),
    _ours("search.typeahead", typeahead),
    _ours("stats.getNetworkStats", get_network_stats, memory_seconds=HOT),
    _ours("playback.getBlob", get_blob),
    _ours("playback.getPlayback", get_playback),
    _ours("playback.getPlaybacks", get_playbacks),
    _ours("playback.getPlaylistFile", get_playlist_file),
    _ours("sync.getRecordStatus", get_record_status),
    _ours("sync.getStatus", get_status, memory_seconds=HOT),
    _ours("sync.requestRepo", request_repo),
    Endpoint("parts.page.mention.search", search),
)

SUBSCRIPTIONS: tuple[Subscription[Tail], ...] = (
    Subscription("fm.plyr.sync.subscribeEvents", subscribe_events),
)


def create_app(
    settings: AppSettings,
    pool: Pool,
    catalog: Catalog,
    identities: IdentityResolver | None,
    stop: asyncio.Event | None = None,
    blobs: Blobs | None = None,
) -> ASGIApp:
    """`stop`: set when the server is about to end, for those who would stay connected."""
    trust = Trust.of(settings.origin, settings.trusted_media_hosts)
    context = AppContext(settings, pool, trust, blobs)
    limiter = _limiter(settings.rate_limit)
    seats = Seats(settings.max_subscribers, settings.max_subscribers_per_caller, limiter)
    tail = Tail(pool, stop)
    beside = Beside(settings.answer_seconds, translate, limiter)
    gallery = None if blobs is None else _gallery(blobs, settings.namespace)
    routes = [
        *wellknown_routes(context, catalog, beside),
        *page_routes(context, beside, gallery),
        *([] if gallery is None else picture_routes(gallery, pool, beside)),
        stream_route(context, beside),
        Route(EVENTS_PATH, EventSource(catalog, tail, seats, translate)),
    ]
    endpoints = [
        replace(
            endpoint,
            handler=_in_time(_labelled(endpoint.handler), settings.answer_seconds),
            memory_seconds=endpoint.memory_seconds if settings.remembers_pages else 0,
        )
        for endpoint in ENDPOINTS
    ]
    hooks = Hooks[AppContext](
        authenticate=None if identities is None else _service_auth(settings, identities),
        repo_rev=viewers_rev,
        translate=translate,
        limiter=limiter,
        labelers=settings.labelers,
    )
    answering = XrpcServer(catalog, endpoints, context, Starlette(routes=routes), hooks)
    return StreamServer(catalog, SUBSCRIPTIONS, tail, answering, seats, translate)


def _gallery(blobs: Blobs, namespace: str) -> Gallery:
    gallery = Gallery(blobs, namespace, Fetching(blobs.sources.remote))
    blobs.before_close.push_async_callback(gallery.close)
    return gallery


def _in_time(handler: Handler, seconds: float) -> Handler:
    """A query that waits too long for a connection or its rows gives its place to others."""

    async def answer(context: AppContext, request: XrpcRequest) -> Output:
        async with asyncio.timeout(seconds):
            return await handler(context, request)

    return answer


def _labelled(handler: Handler) -> Handler:
    async def answer(context: AppContext, request: XrpcRequest) -> Output:
        output = await handler(context, request)
        if isinstance(output, dict):
            await label(context, output, request.labelers)
        return output

    return answer


def _limiter(limit: RateLimit | None) -> RateLimiter | None:
    return None if limit is None else RateLimiter(limit, time.monotonic, time.time)


def _service_auth(settings: AppSettings, identities: IdentityResolver) -> ServiceAuth:
    did = settings.service_did
    return ServiceAuth(frozenset({did, did + SERVICE_ID}), identities, time.time)


async def viewers_rev(context: AppContext, viewer: Did) -> str | None:
    async with context.pool.acquire() as connection:
        return await load_rev(connection, viewer)


def translate(error: Exception) -> XrpcError | None:
    """Without its database this service can promise nothing but to be asked again."""
    if isinstance(error, DATABASE_AWAY):
        return not_enough_resources("the database cannot be reached; try again later")
    return None
