"""One labeler's stream of labels, read for as long as the program runs.

Nothing that it fails to do takes a label back: only a negation that it signed does, or the end
that the label names. It is read again from one before the last frame that was kept.
"""

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from indexer import metrics
from indexer.events import Info, Rejected, StreamError
from indexer.labels import store
from indexer.labels.frames import LabelsFrame, read_labels_frame
from indexer.labels.label import Label, LabelReason, LabelRefused, parse_label
from indexer.labels.store import Said
from indexer.records.record_type import RecordTypes
from indexer.seldom import Seldom
from indexer.subscribing import Backoff, open_subscription
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import GuardedClient, Unreachable
from xrpc.did_document import DidDocument
from xrpc.identity import IdentityError, IdentityResolver
from xrpc.keys import PublicKey

log = structlog.get_logger(__name__)

METHOD: Final = "com.atproto.label.subscribeLabels"
MAX_FRAME_BYTES: Final = 1_000_000
FRAMES_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 1_000_000
GATHERING_SECONDS: Final = 0.1
VERIFIED_AT_ONCE: Final = 50
KEY_SECONDS: Final = 2.0
"""A key is asked for no more often, however many signatures do not fit it."""


class NoLabeler(Exception):
    """The DID document names no address or no key for labels."""


UNHEARD: Final = (
    OSError,
    WebSocketException,
    Unreachable,
    TimeoutError,
    IdentityError,
    NoLabeler,
)


def labels_url(document: DidDocument) -> str:
    if document.labeler is None or document.label_key is None:
        raise NoLabeler(f"{document.did} has no #atproto_labeler, or no #atproto_label")
    return f"{document.labeler.replace('http', 'ws', 1)}/xrpc/{METHOD}"


@dataclass(slots=True)
class Subscription:
    labeler: Did
    pool: Pool
    client: GuardedClient
    resolver: IdentityResolver
    record_types: RecordTypes
    _key: PublicKey | None = None
    _key_until: float = 0.0
    _seldom: Seldom = field(default_factory=lambda: Seldom(log))

    async def run(self) -> None:
        """Read until cancelled; every failure is logged once, with what happens next."""
        backoff = Backoff(random.Random())  # noqa: S311 - spreads reconnects, guards nothing
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._session()
            except UNHEARD as error:
                text = f"{type(error).__name__}: {error}"
            await store.note_connection(self.pool, self.labeler, error=text)
            delay = backoff.after(loop.time() - started)
            log.warning(
                "labeler disconnected",
                labeler=self.labeler,
                error=text,
                retry_in_seconds=round(delay, 1),
            )
            await asyncio.sleep(delay)

    async def _session(self) -> NoReturn:
        url = await self._read_document()
        cursor = max(0, await store.load_cursor(self.pool, self.labeler) - 1)
        async with await open_subscription(self.client, url, cursor, MAX_FRAME_BYTES) as socket:
            await store.note_connection(self.pool, self.labeler, error=None)
            log.info("labeler connected", labeler=self.labeler, cursor=cursor)
            metrics.labelers_connected.inc()
            try:
                while True:
                    await self._take(await _gather(socket))
            finally:
                metrics.labelers_connected.dec()

    async def _read_document(self) -> str:
        document = await self.resolver.read_document(self.labeler)
        url = labels_url(document)
        self._key = document.label_key
        self._key_until = asyncio.get_running_loop().time() + KEY_SECONDS
        return url

    async def _take(self, frames: Sequence[bytes | str]) -> None:
        said: list[Said] = []
        cursor = 0
        for frame in frames:
            read = self._read(frame)
            if read is not None:
                cursor = read.seq
                said += [Said(read.seq, label) for label in self._labels(read.labels)]
        proven = await self._prove(said)
        if cursor:
            await store.write(self.pool, self.record_types, self.labeler, proven, cursor)
            metrics.labels_total.inc(len(proven))

    def _read(self, frame: bytes | str) -> LabelsFrame | None:
        try:
            read = read_labels_frame(frame)
        except Rejected as error:
            self._refuse(LabelReason.MALFORMED_FRAME, error)
            return None
        if isinstance(read, StreamError):
            raise ConnectionAbortedError(f"{read.error}: {read.message or ''}")
        if isinstance(read, Info):
            log.info("labeler says", labeler=self.labeler, name=read.name, message=read.message)
            return None
        return read

    def _labels(self, values: Sequence[object]) -> list[Label]:
        labels = []
        for value in values:
            try:
                label = parse_label(value, self.labeler, self._collections)
            except LabelRefused as error:
                self._refuse(error.reason, error)
                continue
            if label is not None:
                labels.append(label)
        return labels

    @property
    def _collections(self) -> Collection[str]:
        return self.record_types.keys()

    async def _prove(self, said: Sequence[Said]) -> list[Said]:
        """Those whose signature fits the key, the one that the DID document has by then."""
        proven, doubtful = await self._sort(said)
        if doubtful:
            await asyncio.sleep(self._key_until - asyncio.get_running_loop().time())
            await self._read_document()
            more, unproven = await self._sort(doubtful)
            proven += more
            for one in unproven:
                self._refuse(LabelReason.BAD_SIGNATURE, f"{one.label.val} of {one.label.uri}")
        return proven

    async def _sort(self, said: Sequence[Said]) -> tuple[list[Said], list[Said]]:
        assert self._key is not None
        fits: list[Said] = []
        does_not: list[Said] = []
        for number, one in enumerate(said, 1):
            (fits if one.label.is_signed_with(self._key) else does_not).append(one)
            if not number % VERIFIED_AT_ONCE:
                await asyncio.sleep(0)  # the firehose is read in this thread, too
        return fits, does_not

    def _refuse(self, reason: LabelReason, detail: object) -> None:
        metrics.labels_refused_total.labels(reason).inc()
        self._seldom.info(
            "label refused", reason, labeler=self.labeler, reason=reason, detail=str(detail)[:500]
        )


async def _gather(socket: ClientConnection) -> list[bytes | str]:
    """The next frame, and what follows at its heels: they are written together."""
    frames = [await socket.recv()]
    room = BYTES_AT_ONCE - len(frames[0])
    try:
        async with asyncio.timeout(GATHERING_SECONDS):
            while len(frames) < FRAMES_AT_ONCE and room > 0:
                frames.append(await socket.recv())
                room -= len(frames[-1])
    except (TimeoutError, ConnectionClosed):
        pass  # what came is kept; a connection that ended says so again
    return frames
