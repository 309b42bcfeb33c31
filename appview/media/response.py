"""A blob over HTTP: whole or in part, as what it is, from somebody who may be a stranger.

https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from appview.media.filling import Broken
from appview.media.kinds import UNKNOWN, kind
from appview.media.opened import Opened
from appview.media.ranges import NotSatisfiable, Span, has_already, wanted_span

log = structlog.get_logger(__name__)

# Whatever it is, it runs nothing and loads nothing where somebody opens it as a page.
STRANGERS: Final = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "cross-origin",
}
# The right to a blob may end at any moment, so a cache has to ask whether it still may.
KEPT: Final = "public, no-cache"


class BlobResponse(StreamingResponse):
    """Ends the connection where the bytes do not come, so that no client takes it for the whole."""

    def __init__(
        self, opened: Opened, span: Span | None, status: int, headers: Mapping[str, str]
    ) -> None:
        self._opened = opened
        start, stop = (0, opened.size) if span is None else (span.start, span.stop)
        super().__init__(opened.read(start, stop), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self.body_iterator = _nothing()
        try:
            await super().__call__(scope, receive, send)
        except Broken as error:
            log.warning("blob broken off", error=str(error)[:300])
        finally:
            self._opened.close()


def answer(opened: Opened, asked: Mapping[str, str], etag: str, said: str | None) -> Response:
    """The blob as the request's headers want it. `said` is the type that its record names."""
    mime_type = kind(said, opened.head)
    headers = {**STRANGERS, "content-type": mime_type, "accept-ranges": "bytes"}
    if mime_type == UNKNOWN:
        headers["content-disposition"] = "attachment"
    if opened.is_proven:
        headers |= {"etag": etag, "cache-control": KEPT}
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
    if not has_already(asked, etag):
        return None
    return Response(status_code=304, headers={"etag": etag, "cache-control": KEPT})


async def _nothing() -> AsyncIterator[bytes]:
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk
