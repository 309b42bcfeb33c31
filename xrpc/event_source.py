"""Server-sent events: a stream for who speaks HTTP alone, EventSource in every browser among them.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

import orjson
from starlette.types import Receive, Send

from xrpc.errors import XrpcError
from xrpc.replies import CORS, RawHeaders
from xrpc.stream import unless_gone

Chunks = AsyncGenerator[bytes, None]

HEADERS: Final[RawHeaders] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # proxies that would wait for more
    *CORS,
]


def retry(milliseconds: int) -> bytes:
    return b"retry: %d\n\n" % milliseconds


def event(seq: int, data: bytes) -> bytes:
    """`data` in one line. Unnamed, so that a page's onmessage gets all of them."""
    return b"id: %d\ndata: %s\n\n" % (seq, data)


def notice(data: bytes) -> bytes:
    """An event that is no place to resume from."""
    return b"data: %s\n\n" % data


def keep_alive(seq: int) -> bytes:
    """Without data it is no event, but moves the Last-Event-ID past what was filtered out."""
    return b": still here\nid: %d\n\n" % seq


def fault(error: XrpcError) -> bytes:
    return notice(orjson.dumps({"error": error.name, "message": error.message}))


async def send_head(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b""})


async def send_events(first: bytes, chunks: Chunks, receive: Receive, send: Send) -> None:
    """Until the chunks end or the client is gone."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})

    async def send_all() -> None:
        with suppress(OSError):  # gone
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    await unless_gone(send_all(), receive)
