"""A relay: subscribeRepos with a cursor window, the lists of repos, and what goes wrong there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.network.encoding import dag_cbor
from tests.network.http import Asked, listening
from tests.network.pds import Account, listed
from tests.support import accept_no_more

SUBSCRIBE = "/xrpc/com.atproto.sync.subscribeRepos"
Message = bytes | str


class Told(Protocol):
    @property
    def did(self) -> str: ...

    def frame(self, seq: int) -> bytes: ...


def info_frame(name: str) -> bytes:
    return dag_cbor({"op": 1, "t": "#info"}) + dag_cbor({"name": name, "message": "told to"})


def error_frame(error: str) -> bytes:
    return dag_cbor({"op": -1}) + dag_cbor({"error": error, "message": "told to"})


@dataclass(slots=True, eq=False)
class Subscriber:
    connection: ServerConnection
    cursor: int | None
    queue: asyncio.Queue[Message | None] = field(default_factory=asyncio.Queue)

    async def send_all(self) -> None:
        while (message := await self.queue.get()) is not None:
            await self.connection.send(message)


class Relay:
    """`log` is the whole window; `accounts` gives everyone whom the relay could list."""

    def __init__(self, accounts: Callable[[], Iterable[Account]], path: str = SUBSCRIBE) -> None:
        self.log: list[tuple[int, bytes]] = []
        self.subscribers: set[Subscriber] = set()
        self.cursors_asked: list[int | None] = []
        self.asked: list[Asked] = []
        self.blind_to: set[str] = set()
        self.port = 0
        self.page_size = 1000
        self.unlisted: set[str] = set()
        self.fails_with: dict[str, int] = {}
        self.closes_at_once = False
        self.first_message: bytes | None = None
        self.silent_about_cursors = False
        self.keepalive_seconds: float | None = None
        self._accounts = accounts
        self._path = path
        self._seq = 1000
        self._trimmed_through = 0
        self._held: list[Told] | None = None
        self._listener: socket.socket | None = None
        self._server: Server | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"ws://{self.host}"

    @property
    def http_url(self) -> str:
        return f"http://{self.host}"

    @property
    def seq(self) -> int:
        """Of the newest event."""
        return self._seq

    def tell(self, event: Told) -> int:
        """Give the event a seq and send it, unless the relay is blind to its author."""
        if self._held is not None:
            self._held.append(event)
            return self._seq
        if event.did in self.blind_to:
            return self._seq
        self._seq += 1
        self._publish(self._seq, event.frame(self._seq))
        return self._seq

    def repeat(self, event: Told, seq: int) -> None:
        """Send an event under a seq that was already given."""
        self.inject(event.frame(seq))

    def start_over(self, seq: int = 1) -> None:
        """The relay lost its disk: its seqs begin again, below the cursors of everyone."""
        self._seq = seq
        self.log.clear()

    def foreign(self, frame_at: Callable[[int], bytes], *, gives_seq: bool = True) -> int:
        """Bytes of the test's own making that take the next seq and stay in the window."""
        self._seq += gives_seq
        self._publish(self._seq, frame_at(self._seq))
        return self._seq

    def inject(self, message: Message) -> None:
        """Send any bytes, or text, to whoever listens now; it is not in the window."""
        for subscriber in self.subscribers:
            subscriber.queue.put_nowait(message)

    def _publish(self, seq: int, frame: bytes) -> None:
        self.log.append((seq, frame))
        for subscriber in self.subscribers:
            subscriber.queue.put_nowait(frame)

    @contextlib.contextmanager
    def losing(self) -> Iterator[None]:
        """Events of the block are never sent, by anyone."""
        self._held = []
        try:
            yield
        finally:
            self._held = None

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Events of the block are sent after it."""
        self._held = []
        try:
            yield
        finally:
            events, self._held = self._held, None
            for event in events:
                self.tell(event)

    def forget_window(self) -> None:
        """Past events cannot be replayed any more: an older cursor is outdated."""
        self._trimmed_through = self._seq
        self.log.clear()

    async def cut(self) -> None:
        """Every connection ends as a cable does: without a closing handshake."""
        for subscriber in list(self.subscribers):
            subscriber.connection.transport.abort()
        async with asyncio.timeout(5):
            while self.subscribers:  # noqa: ASYNC110 - each leaves in its own task
                await asyncio.sleep(0.005)

    def fall_silent(self) -> None:
        """Every connection stays open, and nobody at the other end reads or answers any more."""
        for subscriber in self.subscribers:
            subscriber.connection.transport.pause_reading()

    async def open(self) -> None:
        self._listener = listening(self.port)
        self._server = await serve(
            self._subscribed,
            sock=self._listener,
            process_request=self._over_http,
            compression=None,
            ping_interval=self.keepalive_seconds,
            ping_timeout=self.keepalive_seconds,
            close_timeout=1,
        )
        self.port = self._listener.getsockname()[1]

    async def close(self) -> None:
        """The relay goes down; `open` brings it back at the same address."""
        if self._server and self._listener:
            await accept_no_more(self._listener)
            await self.cut()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _subscribed(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        self.cursors_asked.append(cursor)
        if self.closes_at_once:
            return
        with contextlib.suppress(ConnectionClosed):
            if self.first_message is not None:
                await connection.send(self.first_message)
            async with self._joined(connection, cursor) as subscriber:
                await asyncio.gather(subscriber.send_all(), self._until_closed(subscriber))

    @staticmethod
    async def _until_closed(subscriber: Subscriber) -> None:
        await subscriber.connection.wait_closed()
        subscriber.queue.put_nowait(None)

    @contextlib.asynccontextmanager
    async def _joined(
        self, connection: ServerConnection, cursor: int | None
    ) -> AsyncIterator[Subscriber]:
        subscriber = Subscriber(connection, cursor)
        if cursor is not None and cursor > self._seq and not self.silent_about_cursors:
            await connection.send(error_frame("FutureCursor"))
            await connection.close(1008)
        elif cursor is not None:
            if 0 < cursor < self._trimmed_through:
                subscriber.queue.put_nowait(info_frame("OutdatedCursor"))
            for seq, frame in self.log:
                if seq > cursor:
                    subscriber.queue.put_nowait(frame)
        self.subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self.subscribers.discard(subscriber)

    def _over_http(self, _: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        name = parts.path.rsplit("/", 1)[-1]
        if parts.path == self._path:
            failure = self.fails_with.get(name)
            return _json({"error": "Busy", "message": "told to"}, failure) if failure else None
        query = parse_qs(parts.query)
        self.asked.append(Asked(name, query))
        if name in self.fails_with:
            return _json({"error": "Busy", "message": "told to"}, self.fails_with[name])
        if name == "com.atproto.sync.listReposByCollection":
            return self._list_by_collection(query)
        if name == "com.atproto.sync.listRepos":
            return self._list(query)
        if name == "com.atproto.sync.getRepo":
            return self._redirect(query["did"][0], request.path)
        return _json({"error": "MethodNotImplemented", "message": name}, 501)

    def _known(self) -> list[Account]:
        hidden = self.blind_to | self.unlisted
        everyone = (account for account in self._accounts() if account.did not in hidden)
        return sorted(everyone, key=lambda account: account.did)

    def _list_by_collection(self, query: dict[str, list[str]]) -> Response:
        wanted = [f"{name}/".encode() for name in query["collection"]]
        holders = [
            account
            for account in self._known()
            if any(key.startswith(tuple(wanted)) for key in account.repo.records)
        ]
        return self._page(query, holders, lambda account: {"did": account.did})

    def _list(self, query: dict[str, list[str]]) -> Response:
        known = [account for account in self._known() if account.status != "deleted"]
        return self._page(query, known, listed)

    def _page(
        self,
        query: dict[str, list[str]],
        accounts: list[Account],
        row: Callable[[Account], dict[str, object]],
    ) -> Response:
        after = query.get("cursor", [""])[0]
        limit = min(int(query.get("limit", ["500"])[0]), self.page_size)
        rest = [account for account in accounts if account.did > after]
        # As collectiondir does: a full page has a cursor even when nothing follows it.
        more = {"cursor": rest[limit - 1].did} if len(rest) >= limit else {}
        return _json({"repos": [row(account) for account in rest[:limit]], **more})

    def _redirect(self, did: str, path: str) -> Response:
        account = next((one for one in self._known() if one.did == did), None)
        if account is None:
            return _json({"error": "RepoNotFound", "message": did}, 404)
        headers = Headers({"Location": account.pds.url + path, "Content-Length": "0"})
        return Response(302, "Found", headers, b"")


def _json(body: object, status: int = 200) -> Response:
    data = orjson.dumps(body)
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(data))})
    return Response(status, HTTPStatus(status).phrase, headers, data)
