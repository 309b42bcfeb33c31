"""`/img/{size}/…`: pictures of records that are shown, at a URL for each version of one."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.media.response import STRANGERS
from appview.pictures.failures import NoPicture, NotNow
from appview.pictures.permits import Artwork, Avatar, NotShown, Picture
from appview.pictures.pictures import Gallery
from appview.pictures.protocol import SIDES
from lexicons.cid import InvalidCid, parse_cid
from lexicons.syntax import InvalidSyntax, parse_did, parse_record_key
from migrations.database import Pool
from xrpc.beside import Beside
from xrpc.caching import has_already, tag_of
from xrpc.errors import UPSTREAM_UNAVAILABLE, XrpcError

# A browser has what it has shown; whoever hands pictures on to others has to ask whether it may.
CACHE: Final = "public, max-age=3600, s-maxage=60"
RETRY_SECONDS: Final = 15


def picture_routes(gallery: Gallery, pool: Pool, beside: Beside) -> list[Route]:
    async def answer(request: Request) -> Response:
        try:
            return await _picture(gallery, pool, beside, request)
        except NotShown as error:
            raise XrpcError(404, "PictureNotFound", str(error)) from error
        except NoPicture as error:
            raise XrpcError(404, "NoPicture", str(error)) from error
        except NotNow as error:
            retry = {"retry-after": str(RETRY_SECONDS)}
            raise XrpcError(502, UPSTREAM_UNAVAILABLE, str(error), retry) from error

    return [
        beside.route("/img/{size}/track/{did}/{rkey}/{cid}", answer, is_free=True),
        beside.route("/img/{size}/avatar/{did}/{cid}", answer, is_free=True),
    ]


async def _picture(gallery: Gallery, pool: Pool, beside: Beside, request: Request) -> Response:
    """A page has many: those that are here already cost their viewer nothing."""
    size, picture = _asked_for(request)
    try:
        data = await gallery.get(pool, picture, size, lambda: beside.take(request))
    except NotShown:
        beside.take(request)
        raise
    etag = tag_of(data)
    headers = {**STRANGERS, "etag": etag, "cache-control": CACHE}
    if has_already(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="image/jpeg")


def _asked_for(request: Request) -> tuple[str, Picture]:
    path = request.path_params
    try:
        did, cid = parse_did(path["did"]), parse_cid(path["cid"])
        if path["size"] not in SIDES:
            raise NotShown(f"there is no size {path['size'][:20]!r}")
        if "rkey" in path:
            return path["size"], Artwork(did, parse_record_key(path["rkey"]), cid)
        return path["size"], Avatar(did, cid)
    except (InvalidSyntax, InvalidCid) as error:
        raise NotShown(str(error)) from error
