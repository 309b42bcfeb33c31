"""Event streams: the subscriptions of the lexicons, over WebSockets.

A message is one binary frame of two DAG-CBOR items, header and body; an error is the last message.
What a client sends is read and ignored. https://atproto.com/specs/event-stream
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lexicons.catalog import Catalog, Method
from lexicons.data_model import encode
from lexicons.syntax import is_nsid
from xrpc import metrics
from xrpc.bodies import Disconnected
from xrpc.caller_rates import address_of
from xrpc.errors import (
    Translate,
    XrpcError,
    invalid_request,
    method_not_implemented,
    told_error,
)
from xrpc.query_string import read_params
from xrpc.replies import error_reply, preflight_reply
from xrpc.seats import Seats
from xrpc.server import PREFIX, Unserved, XrpcRequest
from xrpc.tasks import end

POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012

C = TypeVar("C")
Frames = AsyncGenerator[Sequence[bytes], None]
_ERROR_HEADER: Final = encode({"op": -1})


# Without slots: Python 3.11 cannot make `Subscription[Context](...)` of one that has them.
@dataclass(frozen=True)
class Subscription(Generic[C]):
    """`follow` gives frames as they come and may raise XrpcError with a name of the lexicon.

    Where it ends, the server is about to stop: the client is told to come back.
    """

    nsid: str
    follow: Callable[[C, XrpcRequest], Frames]


def message_frame(name: str, body: bytes) -> bytes:
    """`name` as in the lexicon's union, with its #; `body` a DAG-CBOR map without $type."""
    return _header(name) + body


@lru_cache(100)
def _header(name: str) -> bytes:
    return encode({"op": 1, "t": name})


def error_frame(error: XrpcError) -> bytes:
    return _ERROR_HEADER + encode({"error": error.name, "message": error.message})


class StreamServer(Generic[C]):
    """In front of an app: takes what is addressed to a subscription, and every WebSocket."""

    def __init__(
        self,
        catalog: Catalog,
        subscriptions: Sequence[Subscription[C]],
        context: C,
        elsewhere: ASGIApp,
        seats: Seats,
        translate: Translate = lambda _: None,
    ) -> None:
        self._methods = _methods(catalog, subscriptions)
        self._subscriptions = {subscription.nsid: subscription for subscription in subscriptions}
        self._context = context
        self._elsewhere = elsewhere
        self._seats = seats
        self._translate = translate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["type"] == "http" and _name(scope) in self._methods:
            await _send_elsewhere(scope, send)
        else:
            await self._elsewhere(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            method = self._methods.get(_name(scope))
            if method is None:
                raise method_not_implemented() if is_nsid(_name(scope)) else invalid_request(
                    "no such stream"
                )  # fmt: skip
            with self._seats.seat(address_of(scope)):
                await _sent(send, {"type": "websocket.accept"})
                await unless_gone(self._stream(method, scope, send), receive)
        except Disconnected:
            return
        except XrpcError as error:
            await _refuse(scope, send, error)

    async def _stream(self, method: Method, scope: Scope, send: Send) -> None:
        try:
            request = XrpcRequest(
                method.nsid,
                read_params(method, scope["query_string"]),
                None,
                None,
                Headers(scope=scope),
                address_of(scope),
            )
            follow = self._subscriptions[method.nsid].follow
            async with aclosing(follow(self._context, request)) as batches:
                async for frames in batches:
                    for frame in frames:
                        await _sent(send, {"type": "websocket.send", "bytes": frame})
                    metrics.stream_messages_total.labels("websocket").inc(len(frames))
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - nothing of ours may reach a stranger
            known = why_cut(error, method, self._translate)
            await _sent(send, {"type": "websocket.send", "bytes": error_frame(known)})
            code = INTERNAL_ERROR if known.status >= 500 else POLICY_VIOLATION
        else:
            code = SERVICE_RESTART
        await _sent(send, {"type": "websocket.close", "code": code})


def why_cut(error: Exception, method: Method, translate: Translate) -> XrpcError:
    known = told_error(error, translate, method.nsid, method.errors)
    metrics.streams_cut_total.labels(known.name).inc()
    return known


async def unless_gone(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Do the work, or stop it as soon as the client is gone. Raises Disconnected, too."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await end((working, leaving))


async def _gone(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] in {"websocket.disconnect", "http.disconnect"}:
            return


async def _sent(send: Send, message: dict[str, Any]) -> None:
    try:
        await send(message)
    except OSError as error:  # as servers say that nobody is there any more
        raise Disconnected from error


async def _refuse(scope: Scope, send: Send, error: XrpcError) -> None:
    """Before the handshake, where the server can say it as HTTP."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        with suppress(OSError):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    reply = error_reply(error)
    with suppress(OSError):
        await send(
            {
                "type": "websocket.http.response.start",
                "status": error.status,
                "headers": reply.headers,
            }
        )
        await send({"type": "websocket.http.response.body", "body": reply.body})


async def _send_elsewhere(scope: Scope, send: Send) -> None:
    """To one who comes without a WebSocket."""
    if scope["method"] == "OPTIONS":
        reply = preflight_reply(dict(scope["headers"]))
    elif scope["method"] in {"GET", "HEAD"}:
        message = "this is a stream: connect with a WebSocket"
        reply = error_reply(XrpcError(426, "InvalidRequest", message, {"upgrade": "websocket"}))
    else:
        reply = error_reply(
            XrpcError(405, "InvalidRequest", "a stream takes GET", {"allow": "GET"})
        )
    await reply.send(send, [], with_body=scope["method"] != "HEAD")


def _methods(catalog: Catalog, subscriptions: Sequence[Subscription[C]]) -> dict[str, Method]:
    declared = {
        nsid: method for nsid, method in catalog.methods.items() if method.kind == "subscription"
    }
    served = [subscription.nsid for subscription in subscriptions]
    if sorted(served) != sorted(declared):
        raise Unserved(f"streams served: {sorted(served)}; in the lexicons: {sorted(declared)}")
    return {str(nsid): method for nsid, method in declared.items()}


def _name(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(PREFIX).removesuffix("/") if path.startswith(PREFIX) else ""
