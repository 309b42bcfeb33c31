"""Where the pages are."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.pages.asking import Site
from appview.pages.cards import Places
from appview.pages.front import front_page
from appview.pages.html import Templates
from appview.pages.oembed import oembed
from appview.pages.records import embedded_list, embedded_track, list_page, track_page
from appview.pictures.pictures import Gallery
from xrpc.beside import Beside

STILL_SECONDS = 3600


def page_routes(context: AppContext, beside: Beside, gallery: Gallery | None) -> list[Route]:
    origin = context.settings.origin
    templates = Templates.of(origin, context.trust.prefixes)
    site = Site(context, templates, Places(origin), beside, gallery)
    return [
        site.route("/", front_page),
        site.route("/oembed", oembed),
        site.route("/track/{actor}/{rkey}", track_page),
        site.route("/list/{actor}/{rkey}", list_page),
        site.route("/embed/track/{actor}/{rkey}", embedded_track),
        site.route("/embed/list/{actor}/{rkey}", embedded_list),
        _still(beside, "style.css", "text/css"),
        _still(beside, "icon.svg", "image/svg+xml"),
    ]


def _still(beside: Beside, name: str, media_type: str) -> Route:
    """A file that does not change while we run."""
    data = resources.files("appview.pages").joinpath("templates", name).read_bytes()
    headers = {"cache-control": f"public, max-age={STILL_SECONDS}"}

    async def answer(_: Request) -> Response:
        return Response(data, headers=headers, media_type=media_type)

    return beside.route(f"/{name}", answer, is_free=True)
