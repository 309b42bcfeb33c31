"""What happens to an event, from frame to transaction. Read this first.

    offer    frame -> skipped, or put into the window          sync, on the socket's path
    prove    signature, tree, inversion -> Verified...         proving.py, before the desk
    decide   against the repo's state -> Step                  decisions.py, at the desk
    write    steps + cursor -> one transaction

Verified commits leave the window in the order they came, so the cursor is simply the seq of the
last event written. A wait on the network is capped: past it the frame goes to its repo's queue.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import structlog

from indexer import metrics
from indexer.decisions import Decisions
from indexer.events import Info, Reason, Rejected, StreamError
from indexer.frames import Kind, Peek, decode, peek
from indexer.proving import NETWORK_WAIT_SECONDS, Pending, Prover, RepoEvent
from indexer.steps import Cursor, Step
from indexer.writer import Writer
from lexicons.syntax import Did
from xrpc.identity import IdentityResolver

log = structlog.get_logger(__name__)

WINDOW_EVENTS = 4_000
WINDOW_BYTES = 64 << 20
BATCH_EVENTS = 400
IDLE_CURSOR_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Pipeline(Decisions):
    """Whoever holds the `desk` may decide. An op in one of the `signals` makes a repo tracked."""

    host: str | None
    writer: Writer
    resolver: IdentityResolver
    signals: frozenset[str]
    now: Callable[[], datetime]
    network_wait_seconds: float | None = NETWORK_WAIT_SECONDS
    prover: Prover = field(init=False)
    desk: asyncio.Lock = field(default_factory=asyncio.Lock)
    _window: deque[Pending] = field(default_factory=deque)
    _window_bytes: int = 0
    # What follows in the window on a repo's first event concerns it, tracked or not yet.
    _undecided: Counter[str] = field(default_factory=Counter)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _special: Info | StreamError | None = None
    _received: tuple[int, str] | None = None
    settled_seq: int = 0
    settled_time: str = ""
    _seen: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    _in_hand: bool = False

    def __post_init__(self) -> None:
        self.prover = Prover(self.resolver, self.collections, self.now)

    # offer ------------------------------------------------------------------------------------

    def offer(self, frame: bytes, after_seq: int = 0) -> int | None:
        """Take a frame; give its seq, or None when `take_special` has to be asked.

        Raises Rejected for framing that makes the connection useless.
        """
        seen = peek(frame, self.signals)
        self._seen[seen.kind] += 1
        if seen.seq is None:
            self._special = self._stream_event(seen)
            return None
        if seen.seq <= after_seq:
            metrics.rejected_total.labels(Reason.STALE_SEQ).inc()
            return seen.seq
        if seen.did in self.repos or seen.did in self._undecided or seen.touches:
            self._keep(seen, frame)
        elif seen.kind is Kind.IDENTITY and seen.did is not None:
            self.resolver.forget(Did(seen.did))
        self._received = (seen.seq, seen.time or "")
        return seen.seq

    def take_special(self) -> Info | StreamError | None:
        special, self._special = self._special, None
        return special

    def _stream_event(self, seen: Peek) -> Info | StreamError | None:
        event = decode(seen) if seen.kind in {Kind.INFO, Kind.ERROR} else None
        return event if isinstance(event, Info | StreamError) else None

    def _keep(self, seen: Peek, frame: bytes) -> None:
        try:
            event = decode(seen)
        except Rejected as error:
            self._note_rejection(seen.did, error)
            return
        if not isinstance(event, RepoEvent):
            return
        self._window.append(self.prover.pending(event, frame))
        self._undecided[event.did] += 1
        self._window_bytes += len(frame)
        self._arrived.set()

    @property
    def is_full(self) -> bool:
        return len(self._window) >= WINDOW_EVENTS or self._window_bytes >= WINDOW_BYTES

    async def room(self) -> None:
        """Wait until the window has room again: the socket is not read meanwhile."""
        while self.is_full:
            self._left.clear()
            await self._left.wait()

    async def settled(self) -> None:
        """Wait until everything offered so far is written."""
        while self._window or self._in_hand:
            self._left.clear()
            await self._left.wait()

    # the loop ---------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_CURSOR_SECONDS):
                    await self._arrived.wait()
            except TimeoutError:
                await self.write_cursor()
                continue
            await self.step()

    async def step(self) -> None:
        """Prove, decide and write the head of the window; meanwhile, prove what follows on it.

        What follows is proven after the decisions before it, so with the keys that they leave.
        """
        batch = self._head()
        self._in_hand = True
        await self._prove(batch)
        async with self.desk:
            steps = [step for pending in batch for step in self._decide(pending)]
            for pending in batch:
                self._window.popleft()
                self._window_bytes -= len(pending.frame)
                self._forget_undecided(pending.event.did)
            if not self._window:
                self._arrived.clear()
            ahead = asyncio.create_task(self._prove(self._head()))
            try:
                await self._write(steps, self._cursor_after(batch))
            except BaseException:
                ahead.cancel()
                raise
        self._in_hand = False
        self._left.set()
        await ahead

    async def _prove(self, batch: Sequence[Pending]) -> None:
        await self.prover.prove(batch, self.repos, self.network_wait_seconds)

    def _head(self) -> list[Pending]:
        return list(islice(self._window, BATCH_EVENTS))

    def _forget_undecided(self, did: Did) -> None:
        self._undecided[did] -= 1
        if not self._undecided[did]:
            del self._undecided[did]

    async def write_cursor(self) -> None:
        """Let the cursor follow a stream in which nothing was ours."""
        async with self.desk:
            if self._window or self._in_hand:
                return  # since the wait for the desk, perhaps: what comes writes the cursor too
            if self._received is not None and self._received[0] != self.settled_seq:
                await self._write([], self._cursor_after([]))

    def _cursor_after(self, batch: Sequence[Pending]) -> Cursor | None:
        """Everything up to it is written, queued, skipped or rejected once the batch is."""
        if self._received is None or self.host is None:
            return None
        seq, time = self._received
        if self._window:
            last = batch[-1].event
            seq, time = last.seq, last.time
        return Cursor(self.host, seq, time, self.now())

    async def _write(self, steps: Sequence[Step], cursor: Cursor | None) -> None:
        doubts = [Step(did=did, doubted=True) for did in self.doubts.take_unwritten()]
        await self.writer.write([*steps, *doubts], cursor)
        for kind, count in self._seen.items():  # a metric costs as much as a frame
            metrics.frames_total.labels(kind).inc(count)
            self._seen[kind] = 0
        if cursor is not None:
            self.settled_seq, self.settled_time = cursor.seq, cursor.time
            metrics.last_seq.set(cursor.seq)
