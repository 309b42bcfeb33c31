"""The connection to the relay: attempt after attempt, each from the cursor as it stands then."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from indexer import cursors, metrics
from indexer.cursors import Position
from indexer.events import Info, Reason, Rejected, StreamError
from indexer.pipeline import Pipeline
from indexer.repo_state import State
from indexer.subscribing import MAX_FRAME_BYTES, PING_SECONDS, Backoff, open_firehose
from migrations.database import Pool
from xrpc.client import GuardedClient, Unreachable
from xrpc.tasks import end

log = structlog.get_logger(__name__)

FUTURE_CURSOR_DELAY_SECONDS = 300.0
LISTENING_SECONDS = 30.0
SAME_FAILURES_BEFORE_SKIP = 3


class FutureCursor(Exception):
    """The relay has not come as far as our cursor: another relay, or one that was reset."""


@dataclass(slots=True)
class Relay:
    """One relay's firehose, read into the pipeline for as long as the program runs."""

    origin: str
    client: GuardedClient
    pipeline: Pipeline
    pool: Pool
    replay_max: timedelta
    now: Callable[[], datetime]
    on_gap: Callable[[], None]
    """Told that the stream went on without everything between."""
    ping_seconds: float = PING_SECONDS
    received_bytes: int = 0
    connected: bool = False
    error: str | None = None
    listens: asyncio.Event = field(default_factory=asyncio.Event)
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
            self.listens.set()
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
                await end([listening])

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
        """The stream begins now: whoever was looked at, or for, before may have written in between.

        Only when connected: what is repaired earlier would miss what happens until then.
        """
        if position is not None:
            behind = self.now() - position.listened_at
            reason = f"{behind} behind, more than PLYR_REPLAY_MAX_MINUTES"
            await self._record_gap(position, reason)
        elif await self._has_begun():
            await self._record_gap(None, "no cursor: another relay, or nothing came of it yet")

    async def _has_begun(self) -> bool:
        repos = self.pipeline.repos.values()
        walked = any(repo.state is not State.DESYNCHRONIZED for repo in repos)
        return walked or await cursors.has_looked(self.pool)

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
