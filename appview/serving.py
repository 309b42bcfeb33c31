"""A process that listens: its socket, its signals, its metrics."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from prometheus_client import start_http_server
from starlette.types import ASGIApp
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from appview.config import BadSetting, Config

log = structlog.get_logger(__name__)

STOP_SECONDS = 9.0
"""Less than the ten that Docker grants, more than what is left to be written takes."""
DESCRIPTORS = 65_536
"""A listener has two, and what a process is given at first is often a thousand."""
STALLED_MILLISECONDS = 30_000
"""Whoever reads nothing for so long, with something to read, is cut off."""
SUBSCRIBER_MAX_BYTES = 4_096
"""Of a message from a subscriber, who has nothing to say."""
SUBSCRIBER_AHEAD_BYTES = 128 << 10
"""Of what a subscriber has not taken yet the kernel would hold megabytes: behind so much a ping
reaches a slow one too late to be answered in time, and so does the word why he is cut off."""
PING_SECONDS = 30.0
HEAD_MAX_BYTES = 64 << 10
"""Of a request before its body, give or take what comes at once."""
TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class _Server(uvicorn.Server):
    """Signals are ours: they stop the indexer too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Http(HttpToolsProtocol):
    """Whose parser would take a head of any length, and for ever."""

    head_seconds = 30.0
    _is_in_head = False
    _head_bytes = 0
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_due = self.loop.call_later(self.head_seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_due is None:
            self._head_due = self.loop.call_later(self.head_seconds, self.transport.close)
        if self._head_bytes > HEAD_MAX_BYTES:
            self.transport.write(TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def _end_head(self) -> None:
        self._is_in_head = False
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


class _WebSockets(WebSocketsSansIOProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SUBSCRIBER_AHEAD_BYTES)
        super().connection_made(transport)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # or each client that is refused is logged as an error

    def data_received(self, data: bytes) -> None:
        """The parser, unlike that for HTTP, ends at lines of 8 KiB, and then would say nothing."""
        super().data_received(data)
        if self.conn.eof_sent and not self.handshake_initiated:
            self.close_sent = True  # or the end of the server would try to say it
            self.transport.write(TOO_LONG)
            self.transport.close()


def listening(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # Named, or asyncio does not know it for TCP: a body would wait 40 ms behind its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"PLYR_HOST={config.host} PLYR_PORT={config.port}: {error.strerror}"
        ) from error
    return listener


async def answer(
    config: Config, app: ASGIApp, listener: socket.socket, stop: asyncio.Event
) -> None:
    _allow_many()
    server = _Server(
        uvicorn.Config(
            app,
            http=Http,
            ws=_WebSockets,
            ws_max_size=SUBSCRIBER_MAX_BYTES,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,  # a frame is made once for all, not once for each
            lifespan="off",
            log_config=None,  # its words go where all others go
            access_log=False,
            proxy_headers=True,
            forwarded_allow_ips=list(config.trusted_proxies),
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


def _allow_many() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # macOS has a bound of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def stop_on_signals() -> asyncio.Event:
    """The event that a signal sets. Whatever hangs then is left as a crash would leave it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(STOP_SECONDS, _give_up)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, begin_to_stop)
    return stop


def _give_up() -> None:
    log.error("something hangs, ended without it", seconds=STOP_SECONDS)
    os._exit(1)


def publish_metrics(config: Config) -> None:
    if config.metrics_listen is None:
        return
    host, port = config.metrics_listen
    try:
        start_http_server(port, host)
    except OSError as error:
        log.warning("metrics not served", address=f"{host}:{port}", error=error.strerror)
