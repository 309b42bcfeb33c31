"""Where the pages are."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.pages.asking import Site, Translate
from appview.pages.cards import Places
from appview.pages.html import Templates
from appview.pages.records import embedded_list, embedded_track, list_page, track_page
from xrpc.rate_limit import RateLimiter

STYLE_SECONDS = 3600


def page_routes(
    context: AppContext, limiter: RateLimiter | None, translate: Translate
) -> list[Route]:
    origin = context.settings.origin
    templates = Templates.of([origin, *context.trust.prefixes])
    site = Site(context, templates, Places(origin), limiter, translate)
    style = resources.files("appview.pages").joinpath("templates/style.css").read_bytes()

    async def style_css(_: Request) -> Response:
        headers = {"cache-control": f"public, max-age={STYLE_SECONDS}"}
        return Response(style, headers=headers, media_type="text/css")

    return [
        site.route("/track/{actor}/{rkey}", track_page),
        site.route("/list/{actor}/{rkey}", list_page),
        site.route("/embed/track/{actor}/{rkey}", embedded_track),
        site.route("/embed/list/{actor}/{rkey}", embedded_list),
        Route("/style.css", style_css),
    ]
