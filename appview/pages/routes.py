"""Where the pages are."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.pages.asking import Site, Translate
from appview.pages.cards import Places
from appview.pages.front import front_page
from appview.pages.html import Templates
from appview.pages.oembed import oembed
from appview.pages.records import embedded_list, embedded_track, list_page, track_page
from xrpc.rate_limit import RateLimiter

STILL_SECONDS = 3600


def page_routes(
    context: AppContext, limiter: RateLimiter | None, translate: Translate
) -> list[Route]:
    origin = context.settings.origin
    templates = Templates.of(origin, context.trust.prefixes)
    site = Site(context, templates, Places(origin), limiter, translate)
    return [
        site.route("/", front_page),
        site.route("/oembed", oembed),
        site.route("/track/{actor}/{rkey}", track_page),
        site.route("/list/{actor}/{rkey}", list_page),
        site.route("/embed/track/{actor}/{rkey}", embedded_track),
        site.route("/embed/list/{actor}/{rkey}", embedded_list),
        _still("style.css", "text/css"),
        _still("icon.svg", "image/svg+xml"),
    ]


def _still(name: str, media_type: str) -> Route:
    """A file that does not change while we run."""
    data = resources.files("appview.pages").joinpath("templates", name).read_bytes()
    headers = {"cache-control": f"public, max-age={STILL_SECONDS}"}

    async def answer(_: Request) -> Response:
        return Response(data, headers=headers, media_type=media_type)

    return Route(f"/{name}", answer)
