"""The only way out: HTTP and sockets to addresses that strangers name.

Bounded in bytes, in time and in redirects, of which each is checked like the first request. No
proxies from the environment, no cookies, no credentials, no decompression.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Self

import certifi
import httpcore
import httpx

from xrpc.addresses import site_of
from xrpc.guard import AddressGuard, CheckedBackend, connect_first
from xrpc.names import Names
from xrpc.places import Places
from xrpc.pool import Pool, close
from xrpc.unreachable import Trouble, Unreachable, as_unreachable
from xrpc.urls import Params, endpoint_of, parse_url, redirected

__all__ = ["GuardedClient", "Response", "StreamedResponse", "Trouble", "Unreachable"]

# A pool looks at all its connections at every request, so a host has its place in one of many.
POOLS: Final = 16
CONNECTIONS_PER_POOL: Final = 48
IDLE_CONNECTIONS_PER_POOL: Final = 16
# Strangers that have not answered, what is streamed apart not begun to; who asks for more lets the
# slowest of them go.
UNANSWERED_AT_ONCE: Final = 256
LEAST_SECONDS: Final = 2.5
IDLE_SECONDS: Final = 30.0
KEEPALIVE_SECONDS: Final = 30.0
# What is seen of a kept connection that its server closes while the request is on its way. One that
# was closed before is noticed by httpcore itself.
CLOSED_MEANWHILE: Final = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    status: int
    headers: Mapping[str, str]
    url: str
    _chunks: AsyncIterator[bytes]
    peer: str = ""
    """What answered, whatever its name: an address, or of IPv6 all that one site is given."""

    @property
    def size(self) -> int | None:
        """What the body is said to have; a body of another size does not end well."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None

    def chunks(self) -> AsyncIterator[bytes]:
        """Raise Unreachable when the body or the time goes past its bound."""
        return self._chunks


@dataclass(slots=True)
class Steps:
    """What httpcore tells of a request on its way."""

    has_connected: bool = False

    async def note(self, step: str, _: object) -> None:
        self.has_connected |= step == "connection.connect_tcp.started"


class GuardedClient:
    """No stranger who keeps us waiting keeps us from the others."""

    def __init__(
        self,
        *,
        allow_private_addresses: bool,
        user_agent: str,
        trusted_origins: frozenset[str] = frozenset(),
        names: Names | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`trusted_origins` may be private: the operator, not a stranger, chose them."""
        trusted = frozenset(endpoint_of(httpx.URL(origin)) for origin in trusted_origins)
        self._user_agent = user_agent
        self._trusted_origins = trusted_origins
        self._names = names
        self._ssl_context = ssl_context or _public_authorities()
        self._guard = AddressGuard(allow_private_addresses, trusted, names)
        self._strangers = [self._pool(trusted=False) for _ in range(POOLS)]
        self._operators = [self._pool(trusted=True) for _ in range(POOLS)]
        self._unanswered = Places(UNANSWERED_AT_ONCE, LEAST_SECONDS)
        self._derived: list[GuardedClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        for client in self._derived:
            await client.aclose()
        for pool in (*self._strangers, *self._operators):
            await pool.aclose()

    @property
    def allows_private_addresses(self) -> bool:
        return self._guard.allow_private_addresses

    def trusting(self, *urls: str) -> "GuardedClient":
        """A client that may also reach these, with connections of its own; closed with this one."""
        client = GuardedClient(
            allow_private_addresses=self._guard.allow_private_addresses,
            user_agent=self._user_agent,
            trusted_origins=self._trusted_origins | frozenset(urls),
            names=self._names,
            ssl_context=self._ssl_context,
        )
        self._derived.append(client)
        return client

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
        max_redirects: int = 0,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
    ) -> Response:
        """Any status is an answer, a redirect too unless `max_redirects` lets it be followed."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        target = parse_url(url, params)
        with as_unreachable(target.host):
            async with asyncio.timeout_at(deadline), self._place(target):
                raw, target = await self._follow(target, dict(headers or {}), max_redirects)
                async with _opened(raw, target, max_bytes, deadline) as streamed:
                    body = b"".join([chunk async for chunk in streamed.chunks()])
        return Response(streamed.status, streamed.headers, body, streamed.url)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
        max_redirects: int = 0,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        """`timeout_seconds` bounds everything from the first lookup to the last byte.

        How many answers come in at a time is for whoever asks to bound.
        """
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        target = parse_url(url, params)
        with as_unreachable(target.host):
            async with asyncio.timeout_at(deadline), self._place(target):
                raw, target = await self._follow(target, dict(headers or {}), max_redirects)
        async with _opened(raw, target, max_bytes, deadline) as streamed:
            yield streamed

    async def checked_addresses(self, host: str, port: int) -> list[str]:
        trusted = (host, port) in self._guard.trusted
        return await self._guard.addresses(host, port, trusted=trusted)

    async def open_socket(self, host: str, port: int, timeout_seconds: float) -> socket.socket:
        """A connected, non-blocking TCP socket, for what speaks another protocol than HTTP."""
        with as_unreachable(host):
            async with asyncio.timeout(timeout_seconds):
                addresses = await self.checked_addresses(host, port)
                return await connect_first(addresses, port)

    def _place(self, url: httpx.URL) -> AbstractAsyncContextManager[None]:
        is_trusted = endpoint_of(url) in self._guard.trusted
        return nullcontext() if is_trusted else self._unanswered.taken()

    async def _follow(
        self, url: httpx.URL, headers: dict[str, str], max_redirects: int
    ) -> tuple[httpcore.Response, httpx.URL]:
        trusted = endpoint_of(url) in self._guard.trusted
        for hops_left in range(max_redirects, -1, -1):
            raw = await self._exchange(url, headers, trusted=trusted)
            location = _location(raw) if max_redirects else None
            if location is None:
                return raw, url
            await close(raw)
            if not hops_left:
                break
            following = redirected(url, location)
            if endpoint_of(following) != endpoint_of(url):
                headers = {}
            trusted = trusted and endpoint_of(following) in self._guard.trusted
            url = following
        raise Unreachable(Trouble.REDIRECT, f"{url.host}: more than {max_redirects} redirects")

    async def _exchange(
        self, url: httpx.URL, headers: Mapping[str, str], *, trusted: bool
    ) -> httpcore.Response:
        pools = self._operators if trusted else self._strangers
        scheme, host, target = url.raw_scheme, url.raw_host, url.raw_path
        sent = {"accept": "*/*", **headers}
        sent |= {"host": url.netloc.decode("ascii"), "user-agent": self._user_agent}
        # Nothing is decompressed here, so nothing small can become something huge.
        sent |= {"accept-encoding": "identity"}
        steps = Steps()
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=scheme, host=host, port=url.port, target=target),
            headers=list(sent.items()),
            extensions={
                "timeout": dict.fromkeys(("connect", "read", "write"), IDLE_SECONDS),
                "trace": steps.note,
            },
        )
        pool = pools[hash(endpoint_of(url)) % POOLS]
        try:
            return await pool.handle_async_request(request)
        except CLOSED_MEANWHILE:
            if steps.has_connected:
                raise
            return await pool.handle_async_request(request)

    def _pool(self, *, trusted: bool) -> Pool:
        return Pool(
            ssl_context=self._ssl_context,
            max_connections=CONNECTIONS_PER_POOL,
            max_keepalive_connections=IDLE_CONNECTIONS_PER_POOL,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=CheckedBackend(self._guard, trusted=trusted),
        )


@asynccontextmanager
async def _opened(
    raw: httpcore.Response, target: httpx.URL, max_bytes: int, deadline: float
) -> AsyncIterator[StreamedResponse]:
    try:
        answered = _headers(raw)
        _check_body_headers(answered, max_bytes, target.host)
        async with aclosing(_bounded(raw, max_bytes, deadline, target.host)) as chunks:
            yield StreamedResponse(raw.status, answered, str(target), chunks, _peer(raw))
    finally:
        await close(raw)


def _headers(raw: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw.headers}


def _peer(raw: httpcore.Response) -> str:
    address = raw.extensions["network_stream"].get_extra_info("server_addr")
    return site_of(address[0]) if address else ""


def _location(raw: httpcore.Response) -> str | None:
    return _headers(raw).get("location") if raw.status in _REDIRECTS else None


def _check_body_headers(headers: Mapping[str, str], max_bytes: int, host: str) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise Unreachable(Trouble.PROTOCOL, f"{host}: content-encoding {encoding[:32]!r}")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise Unreachable(Trouble.TOO_LARGE, f"{host}: {length[:20]} bytes of {max_bytes}")


async def _bounded(
    raw: httpcore.Response, max_bytes: int, deadline: float, host: str
) -> AsyncGenerator[bytes, None]:
    read = 0
    assert isinstance(raw.stream, AsyncIterable)
    body = aiter(raw.stream)
    while True:
        with as_unreachable(host):
            async with asyncio.timeout_at(deadline):
                chunk = await anext(body, None)
        if chunk is None:
            return
        read += len(chunk)
        if read > max_bytes:
            raise Unreachable(Trouble.TOO_LARGE, f"{host}: more than {max_bytes} bytes")
        yield chunk


def _public_authorities() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
