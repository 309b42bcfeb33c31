"""/stream/{did}/{rkey}: one short address for each track, which leads to its best source.

For what knows nothing of XRPC. Asked anew each time: what is hidden meanwhile leads nowhere.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.playback.playbacks import load_playbacks
from appview.playback.views import playback_view
from lexicons.types import PlaybackView
from xrpc.caller_rates import caller
from xrpc.errors import XrpcError
from xrpc.rate_limit import RateLimiter
from xrpc.replies import CORS, preflight_reply
from xrpc.stream import address_of

PATH: Final = "/stream/{did}/{rkey}"
RETRY_SECONDS: Final = 30
Translate = Callable[[Exception], XrpcError | None]

_HEADERS: Final = {
    **{name.decode(): value.decode() for name, value in CORS},
    "cache-control": "no-store",
}
_STATUS: Final = {"gated": 403, "pending": 503}


def stream_route(context: AppContext, limiter: RateLimiter | None, translate: Translate) -> Route:
    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            reply = preflight_reply(dict(request.scope["headers"]))
            return Response(b"", reply.status, _texts(reply.headers) | _HEADERS)
        try:
            if limiter is not None:
                limiter.take(caller(None, address_of(request.scope)))
            async with asyncio.timeout(context.settings.answer_seconds):
                url = await best_url(context, **request.path_params)
        except Exception as error:
            known = error if isinstance(error, XrpcError) else translate(error)
            if known is None:
                raise
            headers = {**_HEADERS, **known.headers}
            return Response(known.envelope, known.status, headers, "application/json")
        return Response(b"", 302, {**_HEADERS, "location": url})

    return Route(PATH, answer, methods=["GET", "HEAD", "OPTIONS"])


async def best_url(context: AppContext, did: str, rkey: str) -> str:
    """Raises XrpcError where there is none."""
    uri = f"at://{did}/{context.settings.namespace}.track/{rkey}"
    async with context.pool.acquire() as connection:
        row = (await load_playbacks(connection, [uri])).get(uri)
    if row is None:
        raise XrpcError(404, "TrackNotFound", f"{uri} is not shown here")
    view = playback_view(row, context.trust, context.max_blob_bytes)
    if view["playability"] != "playable":
        raise _not_playable(view)
    url = next((source["url"] for source in view["sources"] if source["status"] != "dead"), None)
    if url is None:  # a blob that is too large for us, of an account whose PDS nobody knows yet
        raise XrpcError(404, "TrackUnavailable", f"{uri} has no source here")
    return url


def _not_playable(view: PlaybackView) -> XrpcError:
    word = view["playability"]
    message = f"{view['uri']} is {word}: {view['reason']}"
    if "authorization" in view:
        message += f"; {view['authorization']['url']} may have it"
    headers = {"retry-after": str(RETRY_SECONDS)} if word == "pending" else None
    return XrpcError(_STATUS.get(word, 404), "TrackUnavailable", message, headers)


def _texts(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}
