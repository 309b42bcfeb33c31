"""XRPC calls to other servers: few at a time per host, and none while it asks for peace."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from xrpc.client import GuardedClient, Response, StreamedResponse, Trouble, Unreachable
from xrpc.unreachable import as_unreachable

SMALL_ANSWER_BYTES = 256 << 10  # what a host packs into more would take the loop's time to read
CALLS_PER_HOST = 4
QUERY_SECONDS = 20.0  # of a small answer: whoever takes longer holds up the others
ANSWER_SECONDS = 60.0  # to begin a download: one that comes is given longer than that
HOSTS_REMEMBERED = 10_000
LONGEST_PAUSE_SECONDS = 600.0
DEFAULT_PAUSE_SECONDS = 10.0

Params = Sequence[tuple[str, str]]


class RemoteError(Exception):
    """The server answered with an error: its XRPC name where it gave one, else ''."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(f"HTTP {status} {error or 'without an error name'}: {message[:200]}")
        self.status = status
        self.error = error
        self.message = message

    @property
    def is_missing_blob(self) -> bool:
        """Of getBlob: there is none. The reference PDS says it with no name but in its message."""
        is_said = self.error == "BlobNotFound" or self.message.lower() == "blob not found"
        return self.status == 404 or (self.status == 400 and is_said)

    @property
    def is_not_served(self) -> bool:
        """The server does not implement the method at all."""
        return self.status in {404, 405, 501} or self.error in {
            "MethodNotImplemented",
            "XRPCNotSupported",
        }


class HostBusy(Exception):
    """The host asked to be left alone for that long."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"{host} asks for {seconds:.0f} s of peace")
        self.seconds = seconds


@dataclass(slots=True)
class _Host:
    slots: asyncio.Semaphore
    quiet_until: float = 0.0


@dataclass(slots=True)
class Remote:
    """Calls by origin (`https://pds.example`); raises RemoteError, HostBusy, Unreachable."""

    client: GuardedClient
    clock: Callable[[], float]
    calls_per_host: int = CALLS_PER_HOST
    query_seconds: float = QUERY_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    hosts_remembered: int = HOSTS_REMEMBERED
    _hosts: dict[str, _Host] = field(default_factory=dict)

    async def query(
        self, origin: str, nsid: str, params: Params = (), *, max_bytes: int = SMALL_ANSWER_BYTES
    ) -> dict[str, Any]:
        body = await self.fetch(
            origin, nsid, params, max_bytes=max_bytes, timeout_seconds=self.query_seconds
        )
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RemoteError(200, "", f"not JSON: {error}") from error
        if not isinstance(answer, dict):
            raise RemoteError(200, "", "not a JSON object")
        return answer

    async def fetch(
        self,
        origin: str,
        nsid: str,
        params: Params,
        *,
        max_bytes: int,
        timeout_seconds: float = 60.0,
    ) -> bytes:
        """Give the body of a query that answers with bytes, at most `max_bytes` of them."""
        async with self._turn(origin) as host:
            with _unreadable_is_unreachable(origin):
                response = await self.client.get(
                    f"{origin}/xrpc/{nsid}?{urlencode(params)}",
                    max_bytes=max_bytes,
                    timeout_seconds=timeout_seconds,
                    max_redirects=3,
                )
            if response.status == 200:
                return response.body
            raise self._failure(host, origin, response)

    @asynccontextmanager
    async def download(
        self, origin: str, nsid: str, params: Params, *, max_bytes: int, timeout_seconds: float
    ) -> AsyncIterator[StreamedResponse]:
        """Stream the body of a query that was answered with 200."""
        url = f"{origin}/xrpc/{nsid}?{urlencode(params)}"
        async with self.open(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds) as response:
            yield response

    @asynccontextmanager
    async def open(
        self, url: str, *, max_bytes: int, timeout_seconds: float
    ) -> AsyncIterator[StreamedResponse]:
        """Stream what is at an address, of XRPC or not, if the answer is 200."""
        with _unreadable_is_unreachable(url):
            urlsplit(url)
        async with self._turn(url) as host, AsyncExitStack() as stack:
            with _unreadable_is_unreachable(url), as_unreachable(url[:200]):
                async with asyncio.timeout(self.answer_seconds):
                    response = await stack.enter_async_context(
                        self.client.stream(
                            url,
                            max_bytes=max_bytes,
                            timeout_seconds=timeout_seconds,
                            max_redirects=3,
                        )
                    )
                    body = b"" if response.status == 200 else await _beginning(response)
            if response.status != 200:
                raise self._failure(host, url, Response(response.status, response.headers, body))
            yield response

    def resting(self) -> list[str]:
        """The origins that asked for peace, as long as it lasts."""
        now = self.clock()
        names = [name for name, host in self._hosts.items() if host.quiet_until > now]
        return [f"{scheme}://{name}" for name in names for scheme in ("https", "http")]

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[_Host]:
        name = urlsplit(url).netloc
        host = self._hosts.pop(name, None) or _Host(asyncio.Semaphore(self.calls_per_host))
        if len(self._hosts) >= self.hosts_remembered:
            self._hosts.pop(next(iter(self._hosts)))
        self._hosts[name] = host  # at the end: whoever is asked often is not forgotten
        async with host.slots:
            if (left := host.quiet_until - self.clock()) > 0:
                raise HostBusy(name, left)
            yield host

    def _failure(self, host: _Host, url: str, response: Response) -> Exception:
        error, message = _envelope(response.body)
        if response.status == 429:
            seconds = _peace(response.headers)
            host.quiet_until = self.clock() + seconds
            return HostBusy(urlsplit(url).netloc, seconds)
        return RemoteError(response.status, error, message)


async def _beginning(response: StreamedResponse) -> bytes:
    """Enough of it to read what it says."""
    body = b""
    async for chunk in response.chunks():
        body += chunk
        if len(body) > 10_000:
            break
    return body


@contextmanager
def _unreadable_is_unreachable(origin: str) -> Iterator[None]:
    """A host or a redirect may be named by what looks like IDNA and is none."""
    try:
        yield
    except ValueError as error:
        raise Unreachable(Trouble.REFUSED_URL, f"{origin[:200]!r}: {error}") from error


def _envelope(body: bytes) -> tuple[str, str]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", body[:200].decode("utf-8", "replace")
    if not isinstance(answer, dict):
        return "", ""
    return str(answer.get("error", ""))[:100], str(answer.get("message", ""))[:500]


def _peace(headers: Mapping[str, str]) -> float:
    """As Retry-After has it. The reference PDS says until when, by its clock."""
    try:
        seconds = _number(headers.get("retry-after", ""))
        if seconds is None:
            until = _number(headers.get("ratelimit-reset", ""))
            now = parsedate_to_datetime(headers.get("date", "")).timestamp()
            seconds = DEFAULT_PAUSE_SECONDS if until is None else until - now
    except ValueError:
        seconds = DEFAULT_PAUSE_SECONDS
    return min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS)


def _number(text: str) -> float | None:
    return float(text[:12]) if text.isascii() and text.isdigit() else None
