"""XRPC over HTTP, by the lexicons: routes, parameters, bodies, errors and headers.

A plain ASGI app, since this is the path of every request: what is not under /xrpc/ goes elsewhere.
A handler returns the output that its lexicon declares, where that is no JSON a page of its own or a
Starlette response.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lexicons.catalog import Catalog, Method
from lexicons.data_model import Value
from lexicons.syntax import Did, Nsid, is_nsid
from xrpc import metrics
from xrpc.bodies import Disconnected, read_input
from xrpc.caller_rates import address_of, caller
from xrpc.errors import (
    Translate,
    XrpcError,
    invalid_request,
    method_not_implemented,
    told_error,
    unauthorized,
)
from xrpc.labelers import accepted, content_labelers
from xrpc.page_memory import PageMemory
from xrpc.query_string import read_params
from xrpc.rate_limit import RateLimiter
from xrpc.replies import (
    CORS,
    Page,
    RawHeaders,
    Reply,
    error_reply,
    page_reply,
    preflight_reply,
    viewer_reply,
)

PREFIX: Final = "/xrpc/"
JSON_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC

C = TypeVar("C")
Output: TypeAlias = Mapping[str, object] | Page | Response | None
Authenticate: TypeAlias = Callable[[str, Method], Awaitable[Did]]


@dataclass(frozen=True, slots=True)
class XrpcRequest:
    """`params` are typed and checked by the lexicon, defaults in; so is `input`.

    `address` is the client's, as the server in front of us knows it; empty on a local socket.
    `labelers` are those whose labels the answer is to carry.
    """

    nsid: Nsid
    params: dict[str, Any]
    viewer: Did | None
    input: Value
    headers: Headers
    address: str = ""
    labelers: tuple[Did, ...] = ()


# Without slots: Python 3.11 cannot make `Endpoint[Context](...)` of a frozen class that has them.
@dataclass(frozen=True)
class Endpoint(Generic[C]):
    """`memory_seconds`: how old an anonymous answer may be, for pages that many ask for."""

    nsid: str
    handler: Callable[[C, XrpcRequest], Awaitable[Output]]
    needs_viewer: bool = False
    memory_seconds: float = 0


@dataclass(frozen=True)
class Hooks(Generic[C]):
    """What a service adds. `authenticate` takes the Authorization header.

    `repo_rev` gives the newest rev of the viewer's repo that is indexed; it is read before the
    handler runs, so that it never promises what the answer does not hold yet.
    """

    authenticate: Authenticate | None = None
    repo_rev: Callable[[C, Did], Awaitable[str | None]] | None = None
    translate: Translate = lambda _: None
    validates_output: bool = False
    limiter: RateLimiter | None = None
    labelers: tuple[Did, ...] = ()


class Unserved(Exception):
    """The endpoints and the lexicons do not cover one another."""


class _Route(Generic[C]):
    def __init__(self, endpoint: Endpoint[C], method: Method) -> None:
        self.endpoint = endpoint
        self.method = method
        self.is_query = method.kind == "query"


class XrpcServer(Generic[C]):
    def __init__(
        self,
        catalog: Catalog,
        endpoints: Sequence[Endpoint[C]],
        context: C,
        elsewhere: ASGIApp,
        hooks: Hooks[C] | None = None,
    ) -> None:
        self._context = context
        self._elsewhere = elsewhere
        self._hooks = hooks or Hooks[C]()
        self._routes = _routes(catalog, endpoints)
        self._memory = PageMemory(time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"] if scope["type"] == "http" else ""
        if not path.startswith(PREFIX) or _is_beside(path, scope["method"]):
            await self._elsewhere(scope, receive, send)
            return
        started = time.perf_counter()
        route = self._routes.get(path[len(PREFIX) :].removesuffix("/"))
        standing: RawHeaders = []
        try:
            if scope["method"] == "OPTIONS":
                reply: Reply | Response = preflight_reply(dict(scope["headers"]))
            else:
                route = _found(route, scope)
                request = await self._request(route, scope, receive)
                standing = self._standing(request)
                reply = await self._answer(route, request, dict(scope["headers"]))
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - nothing of ours may reach a stranger
            reply = self._failed(route, error)
        if isinstance(reply, Response):
            await reply(scope, receive, _with_headers(send, [*CORS, *standing]))
            status = reply.status_code
        else:
            await reply.send(send, standing, with_body=scope["method"] != "HEAD")
            status = reply.status
        metrics.count(_name(route), status, time.perf_counter() - started)

    async def _request(self, route: _Route[C], scope: Scope, receive: Receive) -> XrpcRequest:
        """In the order of the reference: a bad parameter is told before a bad token."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        address = address_of(scope)
        try:
            params = read_params(route.method, scope["query_string"])
            labelers = accepted(self._hooks.labelers, scope["headers"])
            viewer = await self._viewer(route, headers)
            input_ = None if route.is_query else await read_input(route.method, headers, receive)
        except XrpcError as error:
            # Nobody is proven whom the rate could be for, and to refuse a forgery takes as long.
            for name, value in self._counted(None, address):
                error.headers[name.decode()] = value.decode()
            raise
        return XrpcRequest(
            route.method.nsid, params, viewer, input_, Headers(scope=scope), address, labelers
        )

    def _standing(self, request: XrpcRequest) -> RawHeaders:
        counted = self._counted(request.viewer, request.address)
        return [*counted, *content_labelers(request.labelers)]

    def _counted(self, viewer: Did | None, address: str) -> RawHeaders:
        limiter = self._hooks.limiter
        return [] if limiter is None else limiter.take(caller(viewer, address))

    async def _answer(
        self, route: _Route[C], request: XrpcRequest, headers: Mapping[bytes, bytes]
    ) -> Reply | Response:
        if request.viewer is None and route.endpoint.memory_seconds:
            return page_reply(await self._remembered(route, request), headers)
        added = await self._viewer_headers(request.viewer)
        output = await route.endpoint.handler(self._context, request)
        if isinstance(output, Response):
            for name, value in added:
                output.headers[name.decode()] = value.decode()
            return output
        page = self._page(route, output)
        if route.is_query and request.viewer is None:
            return page_reply(page, headers)
        return viewer_reply(page, headers, added)

    async def _remembered(self, route: _Route[C], asked: XrpcRequest) -> Page:
        # Only what the key holds reaches the handler: nothing of the one who happened to ask first.
        request = XrpcRequest(
            asked.nsid, asked.params, None, None, Headers(), labelers=asked.labelers
        )

        async def make() -> Page:
            output = await route.endpoint.handler(self._context, request)
            assert not isinstance(output, Response), "what goes on for long cannot be remembered"
            return self._page(route, output)

        key = (request.nsid, request.labelers, tuple(map(_hashable, request.params.items())))
        return await self._memory.get_or_make(key, route.endpoint.memory_seconds, make)

    def _page(self, route: _Route[C], output: Mapping[str, object] | Page | None) -> Page:
        if isinstance(output, Page):
            return output
        body = b"" if output is None else orjson.dumps(output, option=JSON_OPTIONS)
        if self._hooks.validates_output and route.method.output is not None:
            route.method.validate_output(orjson.loads(body))
        return Page(body)

    async def _viewer(self, route: _Route[C], headers: Mapping[bytes, bytes]) -> Did | None:
        authorization = headers.get(b"authorization")
        if authorization is None:
            if route.endpoint.needs_viewer:
                raise unauthorized("AuthMissing", f"{route.method.nsid} needs a viewer")
            return None
        if self._hooks.authenticate is None:
            raise unauthorized("AuthenticationRequired", "no token is accepted here")
        return await self._hooks.authenticate(authorization.decode("latin-1"), route.method)

    async def _viewer_headers(self, viewer: Did | None) -> RawHeaders:
        if viewer is None or self._hooks.repo_rev is None:
            return []
        rev = await self._hooks.repo_rev(self._context, viewer)
        return [] if rev is None else [(b"atproto-repo-rev", rev.encode())]

    def _failed(self, route: _Route[C] | None, error: Exception) -> Reply:
        declared = () if route is None else route.method.errors
        return error_reply(told_error(error, self._hooks.translate, _name(route), declared))


def _routes(catalog: Catalog, endpoints: Sequence[Endpoint[C]]) -> dict[str, _Route[C]]:
    served = {nsid for nsid, method in catalog.methods.items() if method.kind != "subscription"}
    given = [endpoint.nsid for endpoint in endpoints]
    if len(set(given)) != len(given) or set(given) != served:
        unserved, unknown = sorted(served - set(given)), sorted(set(given) - served)
        raise Unserved(f"without handler: {unserved}; without lexicon: {unknown}; of {len(given)}")
    return {
        endpoint.nsid: _Route(endpoint, catalog.methods[endpoint.nsid]) for endpoint in endpoints
    }


def _is_beside(path: str, verb: str) -> bool:
    """No NSID begins like this: /xrpc/_health."""
    return path.startswith("_", len(PREFIX)) and verb in {"GET", "HEAD", "OPTIONS"}


def _found(route: _Route[C] | None, scope: Scope) -> _Route[C]:
    verb: str = scope["method"]
    if route is None:
        name = scope["path"][len(PREFIX) :].removesuffix("/")
        raise method_not_implemented() if is_nsid(name) else invalid_request("invalid xrpc path")
    if verb not in (("GET", "HEAD") if route.is_query else ("POST",)):
        expected = "GET" if route.is_query else "POST"
        raise invalid_request(f"incorrect HTTP method ({verb}), expected {expected}")
    return route


def _name(route: _Route[Any] | None) -> str:
    return "unknown" if route is None else route.method.nsid


def _hashable(item: tuple[str, Any]) -> tuple[str, Any]:
    name, value = item
    return (name, tuple(value)) if isinstance(value, list) else item


def _with_headers(send: Send, added: RawHeaders) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return send_with_headers
