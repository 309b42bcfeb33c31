"""The front page: the newest tracks for people, a few words and addresses for everybody else."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from appview.pages.asking import Site
from appview.pages.cards import Item, track_card
from appview.queries.get_latest import get_latest

NEWEST = 20
WORDS = """This is plyr-appview {version}, an AT Protocol AppView for music.

It reads the {namespace}.* records of the network and answers XRPC queries about them:
  {origin}/xrpc/fm.plyr.feed.getLatest?limit=3

The lexicons it speaks: {origin}/lexicons/
The same as OpenAPI:    {origin}/openapi.json
"""


async def front_page(site: Site, request: Request) -> Response:
    settings = site.context.settings
    if "text/html" in request.headers.get("accept", ""):
        params = {"limit": NEWEST, "playable": True}
        found = await site.ask("fm.plyr.feed.getLatest", get_latest, params)
        tracks = [track_card(item["track"], site.places) for item in found["feed"]]
        items = [Item(place, track) for place, track in enumerate(tracks)]
        response = site.templates.response("front.html", items=items)
    else:
        words = WORDS.format(
            version=settings.version, namespace=settings.namespace, origin=settings.origin
        )
        response = PlainTextResponse(words)
    response.headers["vary"] = "accept"
    return response
