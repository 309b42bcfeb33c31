"""A blob over HTTP: whole or in part, as what it is, from somebody who may be a stranger.

https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from appview.media.filling import Broken
from appview.media.kinds import UNKNOWN, kind
from appview.media.opened import Opened
from appview.media.ranges import NotSatisfiable, Span, wanted_span
from xrpc.bodies import Disconnected
from xrpc.caching import ASKED_FOR_EACH_TIME, has_already
from xrpc.stream import unless_gone

log = structlog.get_logger(__name__)

# Whatever it is, it runs nothing and loads nothing where somebody opens it as a page.
STRANGERS: Final = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "cross-origin",
}


class BlobResponse(Response):
    """Ends the connection where the bytes do not come, so that no client takes it for the whole."""

    def __init__(
        self, opened: Opened, span: Span | None, status: int, headers: Mapping[str, str]
    ) -> None:
        self._opened = opened
        self._start, self._stop = (0, opened.size) if span is None else (span.start, span.stop)
        self.status_code = status
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] == "HEAD":
                await _send(send, b"", is_all=True)
            else:
                await self._send_body(receive, send)
        except Disconnected:
            pass
        except Broken as error:
            log.warning("blob broken off", error=str(error)[:300])
        finally:
            self._opened.close()

    async def _send_body(self, receive: Receive, send: Send) -> None:
        """The first piece is there already; while the rest comes the client may go away."""
        async with aclosing(self._opened.read(self._start, self._stop)) as pieces:
            if not await self._send_first(send, pieces):
                await unless_gone(_send_rest(send, pieces), receive)

    async def _send_first(self, send: Send, pieces: AsyncIterator[bytes]) -> bool:
        """Answers whether it was all. A name for it in the caller would keep it in memory."""
        first = await anext(pieces, b"")
        is_all = self._stop is not None and self._start + len(first) == self._stop
        await _send(send, first, is_all=is_all)
        return is_all


def answer(opened: Opened, asked: Mapping[str, str], etag: str, said: str | None) -> Response:
    """The blob as the request's headers want it. `said` is the type that its record names."""
    mime_type = kind(said, opened.head)
    headers = {**STRANGERS, "content-type": mime_type, "accept-ranges": "bytes"}
    if mime_type == UNKNOWN:
        headers["content-disposition"] = "attachment"
    if opened.is_proven:
        headers |= {"etag": etag, "cache-control": ASKED_FOR_EACH_TIME}
    else:
        headers["cache-control"] = "no-store"
    if opened.size is None:  # then no range can be told from another
        return BlobResponse(opened, None, 200, headers)
    try:
        span = wanted_span(asked, etag, opened.size)
    except NotSatisfiable:
        size = opened.size
        opened.close()
        headers |= {"content-range": f"bytes */{size}", "content-length": "0"}
        return Response(status_code=416, headers=headers)
    if span is None:
        return BlobResponse(opened, None, 200, {**headers, "content-length": str(opened.size)})
    headers |= {
        "content-range": span.content_range(opened.size),
        "content-length": str(span.size),
    }
    return BlobResponse(opened, span, 206, headers)


def not_modified(asked: Mapping[str, str], etag: str) -> Response | None:
    if not has_already(asked.get("if-none-match", ""), etag):
        return None
    headers = {"etag": etag, "cache-control": ASKED_FOR_EACH_TIME}
    return Response(status_code=304, headers=headers)


async def _send_rest(send: Send, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        await _send(send, piece, is_all=False)
    await _send(send, b"", is_all=True)


async def _send(send: Send, piece: bytes, *, is_all: bool) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": not is_all})
