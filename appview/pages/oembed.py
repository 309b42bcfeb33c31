"""What is behind a link, for those who show it within a page of their own: https://oembed.com."""

import asyncio
from urllib.parse import unquote, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

from appview.pages.asking import NoPage, Site
from appview.pages.cards import ListCard, TrackCard
from appview.pages.records import UNKNOWN, checked_uri, load_list, load_track
from appview.pictures.failures import NoPicture, NotNow
from appview.pictures.permits import NotShown, artwork_at
from appview.pictures.protocol import size_of
from appview.views.track import WEB
from lexicons.syntax import AtUri
from xrpc.caching import ASKED_FOR_EACH_TIME

WIDTH = 600
TRACK_HEIGHT = 180
LIST_HEIGHT = 380
CACHE_SECONDS = 3600
PICTURE_SECONDS = 3.0


async def oembed(site: Site, request: Request) -> Response:
    asked = request.query_params
    if asked.get("format", "json") != "json":
        raise NoPage(501, "Only format=json is spoken here.")
    uri = _wanted(asked.get("url", ""), site)
    card: TrackCard | ListCard
    if uri.collection.endswith(".list"):
        card, _, _ = await load_list(site, str(uri), None)
        author, height = card.author, LIST_HEIGHT
    else:
        card = await load_track(site, str(uri))
        author, height = card.artist, TRACK_HEIGHT
    width = _bounded(WIDTH, "maxwidth", asked.get("maxwidth"))
    height = _bounded(height, "maxheight", asked.get("maxheight"))
    frame = site.templates.render(
        "frame.html", src=site.places.embed(card.uri), width=width, height=height, title=card.title
    )
    answer: dict[str, object] = {
        "version": "1.0",
        "type": "rich",
        "title": card.title,
        "author_name": author,
        "provider_name": "plyr-appview",
        "provider_url": site.places.origin,
        "cache_age": CACHE_SECONDS,
        "html": frame,
        "width": width,
        "height": height,
    }
    if card.thumb is not None and (size := await _size(site, card.thumb)) is not None:
        answer["thumbnail_url"] = site.places.there(card.thumb)
        answer["thumbnail_width"], answer["thumbnail_height"] = size
    headers = {"cache-control": ASKED_FOR_EACH_TIME}
    return Response(orjson.dumps(answer), headers=headers, media_type="application/json")


async def _size(site: Site, thumb: str) -> tuple[int, int] | None:
    """None where the picture does not come at once: the link is shown without it."""
    if site.gallery is None:
        return None
    try:
        async with asyncio.timeout(PICTURE_SECONDS):
            made = await site.gallery.get(site.context.pool, artwork_at(thumb), "medium")
            return size_of(made)
    except (NotShown, NoPicture, NotNow, TimeoutError):
        return None


def _wanted(url: str, site: Site) -> AtUri:
    """The AT-URI behind a page of ours, of plyr.fm, or itself; raises NoPage for other links."""
    namespace = site.context.settings.namespace
    if url.startswith(WEB):
        url = "at://" + url.removeprefix(WEB)
    elif not url.startswith("at://"):
        kind, actor, rkey = _words(url, site)
        url = f"at://{actor}/{namespace}.{kind}/{rkey}"
    uri = checked_uri(url)
    if uri.collection not in {f"{namespace}.track", f"{namespace}.list"}:
        raise NoPage(*UNKNOWN)
    return uri


def _words(url: str, site: Site) -> list[str]:
    """Of the path of one of our pages, whatever its scheme."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NoPage(*UNKNOWN) from error
    words = unquote(parts.path).removeprefix("/embed").strip("/").split("/")
    if parts.netloc != urlsplit(site.places.origin).netloc or len(words) != 3:
        raise NoPage(*UNKNOWN)
    return words


def _bounded(size: int, name: str, most: str | None) -> int:
    if most is None:
        return size
    if not (most.isascii() and most.isdigit() and int(most[:9]) > 0):
        raise NoPage(400, f"{name}: expected a number of pixels.")
    return min(size, int(most[:9]))
