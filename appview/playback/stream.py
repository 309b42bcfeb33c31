"""/stream/{did}/{rkey}: one short address for each track, which leads to its best source.

For what knows nothing of XRPC. Asked anew each time: what is hidden meanwhile leads nowhere, and
what its PDS no longer gives leads to a trusted host that has it.
"""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.media.blobs import Blobs
from appview.media.filling import Broken
from appview.media.permits import Permit
from appview.playback.playbacks import load_playbacks
from appview.playback.views import playback_view
from lexicons.cid import parse_cid
from lexicons.syntax import Did, InvalidSyntax, parse_did, parse_record_key
from lexicons.types import PlaybackView
from xrpc.beside import Beside
from xrpc.errors import UPSTREAM_UNAVAILABLE, XrpcError

PATH: Final = "/stream/{did}/{rkey}"
RETRY: Final = {"retry-after": "30"}

_IN_URLS: Final = ":/?#[]@!$&'()*+,;=%"
_STATUS: Final = {"gated": 403, "pending": 503}


def stream_route(context: AppContext, beside: Beside) -> Route:
    async def answer(request: Request) -> Response:
        will_play = request.method != "HEAD"
        url = await best_url(context, **request.path_params, will_play=will_play)
        location = quote(url, safe=_IN_URLS)  # a header has no other letters
        return Response(b"", 302, {"location": location, "cache-control": "no-store"})

    return beside.route(PATH, answer)


async def best_url(context: AppContext, did: str, rkey: str, *, will_play: bool) -> str:
    """Raises XrpcError where there is none. `will_play`: or else somebody only looks."""
    try:
        uri = f"at://{parse_did(did)}/{context.settings.namespace}.track/{parse_record_key(rkey)}"
    except InvalidSyntax as error:
        raise XrpcError(404, "TrackNotFound", str(error)) from error
    async with context.pool.acquire() as connection:
        row = (await load_playbacks(connection, [uri])).get(uri)
    if row is None:
        raise XrpcError(404, "TrackNotFound", f"{uri} is not shown here")
    view = playback_view(row, context.trust, context.max_blob_bytes)
    if view["playability"] != "playable":
        raise _not_playable(view)
    sources = [source for source in view["sources"] if source["status"] != "dead"]
    is_ours = bool(sources) and sources[0]["kind"] == "appview-blob"
    if will_play and is_ours and not await _comes(context.blobs, Did(did), row["audio_cid"]):
        sources = [source for source in sources if "cid" not in source]
    if not sources:
        raise XrpcError(502, UPSTREAM_UNAVAILABLE, f"nobody gives {uri} now", RETRY)
    return sources[0]["url"]


async def _comes(blobs: Blobs | None, did: Did, cid: str) -> bool:
    """What comes for whoever follows the redirect is on its way by then."""
    if blobs is None:
        return True
    try:
        opened = await blobs.open(Permit(did, parse_cid(cid), None, None, None))
    except Broken:
        return False
    opened.close()
    return True


def _not_playable(view: PlaybackView) -> XrpcError:
    word = view["playability"]
    message = f"{view['uri']} is {word}: {view['reason']}"
    if "authorization" in view:
        message += f"; {view['authorization']['url']} may have it"
    headers = RETRY if word == "pending" else None
    return XrpcError(_STATUS.get(word, 404), "TrackUnavailable", message, headers)
