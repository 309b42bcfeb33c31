"""`/img/{size}/…`: pictures of records that are shown, at a URL for each version of one."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.media.ranges import has_already
from appview.media.response import STRANGERS
from appview.pictures.failures import NoPicture, NotNow
from appview.pictures.permits import Artwork, Avatar, NotShown, Picture, Source
from appview.pictures.pictures import Gallery
from appview.pictures.protocol import SIDES
from lexicons.cid import InvalidCid, parse_cid
from lexicons.syntax import InvalidSyntax, parse_did, parse_record_key
from xrpc.caller_rates import caller
from xrpc.errors import XrpcError
from xrpc.rate_limit import RateLimiter
from xrpc.stream import address_of

HEADERS: Final = {**STRANGERS, "access-control-allow-origin": "*"}
# A browser has what it has shown; whoever hands pictures on to others has to ask whether it may.
CACHE: Final = "public, max-age=3600, s-maxage=60"
RETRY_SECONDS: Final = 15

Translate = Callable[[Exception], XrpcError | None]


def picture_routes(
    gallery: Gallery, context: AppContext, limiter: RateLimiter | None, translate: Translate
) -> list[Route]:
    async def answer(request: Request) -> Response:
        try:
            return await _picture(gallery, context, limiter, request)
        except NotShown as error:
            return _refusal(XrpcError(404, "PictureNotFound", str(error)))
        except NoPicture as error:
            return _refusal(XrpcError(404, "NoPicture", str(error)))
        except NotNow as error:
            retry = {"retry-after": str(RETRY_SECONDS)}
            return _refusal(XrpcError(502, "UpstreamUnavailable", str(error), retry))
        except XrpcError as error:
            return _refusal(error)
        except Exception as error:
            if (known := translate(error)) is None:
                raise
            return _refusal(known)

    return [
        Route("/img/{size}/track/{did}/{rkey}/{cid}", answer),
        Route("/img/{size}/avatar/{did}/{cid}", answer),
    ]


async def _picture(
    gallery: Gallery, context: AppContext, limiter: RateLimiter | None, request: Request
) -> Response:
    size, picture = _asked_for(request)

    def count() -> None:
        if limiter is not None:
            limiter.take(caller(None, address_of(request.scope)))

    async def permit() -> tuple[Source, ...]:
        async with asyncio.timeout(context.settings.answer_seconds):
            return await gallery.permit(context.pool, picture)

    try:
        sources = await permit()
    except NotShown:
        count()
        raise
    data = await gallery.kept(picture, sources, size)
    if data is None:
        count()
        data = (await gallery.make(picture, sources))[size]
        await permit()  # which may have ended while it came
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {**HEADERS, "etag": etag, "cache-control": CACHE}
    if has_already(request.headers, etag):
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


def _refusal(error: XrpcError) -> Response:
    headers = {**HEADERS, **error.headers, "cache-control": "no-store"}
    return Response(error.envelope, error.status, headers, "application/json")
