"""The pages of a track and of a list, alone or inside somebody else's page."""

from starlette.requests import Request
from starlette.responses import Response

from appview.pages.asking import NoPage, Site
from appview.pages.cards import Item, ListCard, Places, TrackCard, list_card, track_card
from appview.queries.get_list import get_list
from appview.queries.get_lists import get_lists
from appview.queries.get_tracks import get_tracks
from lexicons.syntax import AtUri, InvalidSyntax, parse_at_uri
from lexicons.types import ListItemView
from xrpc.errors import XrpcError

ITEMS = 100
MISSING = {
    "deleted": (410, "This was deleted by its author."),
    "taken-down": (410, "This is not shown here any more."),
    "account-inactive": (404, "The account that published this is not active."),
    "invalid": (404, "What is published at this address is not valid."),
}
UNKNOWN = (404, "Nothing is known at this address.")


async def track_page(site: Site, request: Request) -> Response:
    card = await load_track(site, asked_uri(site, request, "track"))
    return site.templates.response("track.html", track=card, places=site.places)


async def list_page(site: Site, request: Request) -> Response:
    cursor = request.query_params.get("after") or None
    card, items, more = await load_list(site, asked_uri(site, request, "list"), cursor)
    return site.templates.response(
        "list.html", list=card, items=items, more=more, places=site.places
    )


async def embedded_track(site: Site, request: Request) -> Response:
    card = await load_track(site, asked_uri(site, request, "track"))
    return site.templates.response("embed.html", head=card, tracks=[card], places=site.places)


async def embedded_list(site: Site, request: Request) -> Response:
    card, items, _ = await load_list(site, asked_uri(site, request, "list"), None)
    tracks = [item.track for item in items if item.track is not None]
    return site.templates.response("embed.html", head=card, tracks=tracks, places=site.places)


def asked_uri(site: Site, request: Request, kind: str) -> str:
    actor, rkey = request.path_params["actor"], request.path_params["rkey"]
    return str(checked_uri(f"at://{actor}/{site.context.settings.namespace}.{kind}/{rkey}"))


def checked_uri(text: str) -> AtUri:
    try:
        return parse_at_uri(text)
    except InvalidSyntax as error:
        raise NoPage(*UNKNOWN) from error


async def load_track(site: Site, uri: str) -> TrackCard:
    """Raises NoPage."""
    found = await site.ask("fm.plyr.feed.getTracks", get_tracks, {"uris": [uri]})
    if not found["tracks"]:
        raise NoPage(*MISSING.get(found["missing"][0]["reason"], UNKNOWN))
    return track_card(found["tracks"][0], site.places)


async def load_list(
    site: Site, uri: str, cursor: str | None
) -> tuple[ListCard, list[Item], str | None]:
    """The list, its items and where the next page begins. Raises NoPage."""
    after = {} if cursor is None else {"cursor": cursor}
    try:
        found = await site.ask(
            "fm.plyr.library.getList", get_list, {"uri": uri, "limit": ITEMS, **after}
        )
    except XrpcError as error:
        if error.name != "ListNotFound":
            raise
        missing = (await site.ask("fm.plyr.library.getLists", get_lists, {"uris": [uri]}))[
            "missing"
        ]
        raise NoPage(*MISSING.get(missing[0]["reason"], UNKNOWN)) from error
    items = [_item(item, site.places) for item in found["items"]]
    return list_card(found["list"], site.places), items, found.get("cursor")


def _item(view: ListItemView, places: Places) -> Item:
    item = view["item"]
    if item["$type"] == "fm.plyr.feed.defs#missingItem":
        return Item(view["position"], None, MISSING.get(item["reason"], UNKNOWN)[1])
    return Item(view["position"], track_card(item, places))
