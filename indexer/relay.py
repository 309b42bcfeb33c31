"""The connection to the relay: one attempt after another, each from the cursor as it stands then.

A reconnect loop of our own, because the library's keeps one URL for all attempts and resets its
back-off as soon as a server accepts: a stale cursor, and a hot loop against a relay that closes.
"""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from indexer import cursors, metrics
from indexer.cursors import Position
from indexer.events import Info, Reason, Rejected, StreamError
from indexer.pipeline import Pipeline
from indexer.repo_state import State
from migrations.database import Pool
from xrpc.client import GuardedClient, Unreachable

log = structlog.get_logger(__name__)

MAX_FRAME_BYTES = 5_000_000  # https://atproto.com/specs/sync#firehose
HEALTHY_SECONDS = 60.0
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
FUTURE_CURSOR_DELAY_SECONDS = 300.0
PING_SECONDS = 30.0
LISTENING_SECONDS = 30.0
SAME_FAILURES_BEFORE_SKIP = 3


class FutureCursor(Exception):
    """The relay has not come as far as our cursor: another relay, or one that was reset."""


class GapListener(Protocol):
    """Told that the stream went on without everything between."""

    def __call__(self) -> None: ...


@dataclass(slots=True)
class Backoff:
    """Doubles, with jitter; starts over only after a connection that lasted a healthy minute."""

    random: random.Random
    delay: float = FIRST_DELAY_SECONDS

    def after(self, lasted_seconds: float) -> float:
        if lasted_seconds >= HEALTHY_SECONDS:
            self.delay = FIRST_DELAY_SECONDS
        current, self.delay = self.delay, min(self.delay * 2, LONGEST_DELAY_SECONDS)
        return current * (0.5 + self.random.random())


async def open_firehose(
    client: GuardedClient,
    origin: str,
    cursor: int | None,
    max_bytes: int = MAX_FRAME_BYTES,
    ping_seconds: float = PING_SECONDS,
) -> ClientConnection:
    url = f"{origin}/xrpc/com.atproto.sync.subscribeRepos"
    return await open_subscription(client, url, cursor, max_bytes, ping_seconds)


async def open_subscription(
    client: GuardedClient,
    url: str,
    cursor: int | None,
    max_bytes: int = MAX_FRAME_BYTES,
    ping_seconds: float = PING_SECONDS,
) -> ClientConnection:
    """Subscribe from after `cursor`, or from now on; the socket's address is checked as any."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    query = "" if cursor is None else f"?cursor={cursor}"
    socket = await client.open_socket(host, port, timeout_seconds=15.0)
    try:
        return await connect(
            url + query,
            sock=socket,
            ssl=ssl.create_default_context() if secure else None,
            server_hostname=host if secure else None,
            compression=None,
            proxy=None,
            max_size=max_bytes,
            max_queue=256,
            open_timeout=20.0,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            close_timeout=2.0,
        )
    except InvalidStatus as error:
        raise ConnectionRefusedError(f"HTTP {error.response.status_code}") from error
    except ValueError as error:  # a redirect: with a socket of ours the library follows none
        raise ConnectionRefusedError(str(error)) from error


@dataclass(slots=True)
class Relay:
    """One relay's firehose, read into the pipeline for as long as the program runs."""

    origin: str
    client: GuardedClient
    pipeline: Pipeline
    pool: Pool
    replay_max: timedelta
    now: Callable[[], datetime]
    on_gap: GapListener
    ping_seconds: float = PING_SECONDS
    received_bytes: int = 0
    connected: bool = False
    error: str | None = None
    _last_seq: int = 0
    _poisoned: dict[int, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.origin).netloc

    async def run(self) -> None:
        """Read until cancelled; every failure is logged once, with what happens next."""
        backoff = Backoff(random.Random())  # noqa: S311 - spreads reconnects, guards nothing
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            delay = 0.0
            try:
                await self._session()
                self.error = "closed by the relay"
            except FutureCursor as error:
                self.error, delay = f"FutureCursor: {error}", FUTURE_CURSOR_DELAY_SECONDS
            except Rejected as error:
                metrics.rejected_total.labels(error.reason).inc()
                self._count_poison()
                self.error = str(error)
            except (OSError, WebSocketException, Unreachable, TimeoutError) as error:
                self._count_oversize(error)
                self.error = f"{type(error).__name__}: {error}"
            self.connected = False
            metrics.relay_connected.set(0)
            await self.pipeline.settled()
            await self.pipeline.write_cursor()
            await cursors.note_connection(self.pool, self.host, connected=False, error=self.error)
            delay = max(delay, backoff.after(loop.time() - started))
            log.warning(
                "relay disconnected",
                host=self.host,
                error=self.error,
                retry_in_seconds=round(delay, 1),
            )
            await asyncio.sleep(delay)

    async def _session(self) -> None:
        position = await cursors.load(self.pool, self.host)
        cursor = None if position is None or self._is_too_old(position) else position.seq
        self._last_seq = cursor or 0
        async with await self._connect(cursor) as socket:
            self.connected, self.error = True, None
            metrics.relay_connected.set(1)
            await cursors.note_connection(self.pool, self.host, connected=True, error=None)
            log.info("relay connected", host=self.host, cursor=cursor)
            if cursor is None:
                await self._note_start(position)
            listening = asyncio.create_task(self._keep_saying_so())
            try:
                await self._read(socket)
            except ConnectionClosed as error:
                self._count_oversize(error)
                if error.sent is not None and error.sent.code == 1009:
                    raise
                reason = error.rcvd.reason if error.rcvd is not None else "connection lost"
                raise ConnectionResetError(reason or "closed by the relay") from error
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _keep_saying_so(self) -> None:
        while True:
            await asyncio.sleep(LISTENING_SECONDS)
            await cursors.note_listening(self.pool, self.host)

    async def _connect(self, cursor: int | None) -> ClientConnection:
        lenient = self._poisoned.get(cursor or 0, 0) >= SAME_FAILURES_BEFORE_SKIP
        max_bytes = MAX_FRAME_BYTES * (20 if lenient else 1)
        return await open_firehose(self.client, self.origin, cursor, max_bytes, self.ping_seconds)

    def _is_too_old(self, position: Position) -> bool:
        """Whether replaying from there costs more than repairing from the repos."""
        return self.now() - position.listened_at > self.replay_max

    async def _note_start(self, position: Position | None) -> None:
        """The stream begins now: whoever was looked at before may have written in between.

        Only when connected: what is repaired earlier would miss what happens until then.
        """
        if position is not None:
            behind = self.now() - position.listened_at
            reason = f"{behind} behind, more than PLYR_REPLAY_MAX_MINUTES"
            await self._record_gap(position, reason)
        elif any(repo.state is not State.DESYNCHRONIZED for repo in self.pipeline.repos.values()):
            await self._record_gap(None, "no cursor: another relay, or nothing came of it yet")

    async def _record_gap(self, position: Position | None, reason: str) -> None:
        await cursors.record_gap(self.pool, self.host, position, reason)
        metrics.gaps_total.inc()
        log.warning("gap in the stream", host=self.host, reason=reason)
        self.on_gap()

    async def _read(self, socket: ClientConnection) -> None:
        pipeline, cursor = self.pipeline, self._last_seq
        async for frame in socket:
            self.received_bytes += len(frame)
            try:
                seq = pipeline.offer(_binary(frame), self._last_seq)
            except Rejected as error:
                if not await self._may_skip(error):
                    raise
                continue
            if seq is None:
                await self._special(pipeline.take_special())
            elif seq > self._last_seq:
                self._last_seq = seq
            elif seq < cursor == self._last_seq:
                raise FutureCursor(f"the stream is at {seq}, the cursor at {cursor}")
            if pipeline.is_full:
                await pipeline.room()

    async def _special(self, event: Info | StreamError | None) -> None:
        if isinstance(event, StreamError):
            if event.error == "FutureCursor":
                raise FutureCursor(event.message or f"cursor {self._last_seq}")
            raise ConnectionAbortedError(f"{event.error}: {event.message or ''}")
        if isinstance(event, Info):
            log.info("relay says", host=self.host, name=event.name, message=event.message)
            if event.name == "OutdatedCursor":
                position = await cursors.load(self.pool, self.host)
                await self._record_gap(position, "OutdatedCursor")

    # A frame that nobody can read would stop us at the same cursor for ever. Dropping the
    # connection is the rule; past a few drops at one cursor the frame is passed, as a gap.

    def _count_poison(self) -> None:
        self._poisoned = {self._last_seq: self._poisoned.get(self._last_seq, 0) + 1}

    def _count_oversize(self, error: Exception) -> None:
        if isinstance(error, ConnectionClosed) and error.sent and error.sent.code == 1009:
            metrics.rejected_total.labels(Reason.TOO_LARGE).inc()
            self._count_poison()

    async def _may_skip(self, error: Rejected) -> bool:
        if self._poisoned.get(self._last_seq, 0) < SAME_FAILURES_BEFORE_SKIP:
            return False
        await self._record_gap(None, f"unreadable frame after {self._last_seq}: {error}")
        return True


def _binary(frame: bytes | str) -> bytes:
    if isinstance(frame, str):
        raise Rejected(Reason.MALFORMED_FRAME, "text frame")
    return frame
