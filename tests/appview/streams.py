"""Clients of the event stream on real sockets, and what there is for them to hear."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import websockets
from atproto_subscription.frames import (  # type: ignore[import-untyped]  # has no types
    ErrorFrame,
    Frame,
    MessageFrame,
)
from websockets.asyncio.client import ClientConnection

from appview.app import create_app
from appview.context import AppSettings
from appview.events.event import NSID
from indexer.events import RecordChange
from lexicons.catalog import load_catalog
from lexicons.data_model import decode, encode, to_json
from migrations.database import Pool
from tests.appview.served import served
from tests.indexer.changes import index
from tests.indexer.stream import filled, new_sequencer
from tests.support import http_client

CATALOG = load_catalog()
Json = dict[str, Any]
WAIT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Stage:
    """A server on a socket, and the indexer's hands on its database."""

    url: str
    pool: Pool
    stop: asyncio.Event

    async def write(self, *changes: RecordChange) -> None:
        """Each in a batch of its own, then numbered."""
        for change in changes:
            await index(self.pool, change)
        await self.number()

    async def number(self) -> None:
        await new_sequencer(self.pool).number_all()

    async def say(self, *names: str) -> None:
        """Events that need nothing else: handles of accounts of that name."""
        await filled(self.pool)
        await self.pool.execute(
            """
            insert into stream.outbox (kind, did, handle)
            select 'identity', 'did:plc:' || name, name || '.test' from unnest($1::text[]) as name
            """,
            list(names),
        )
        await self.number()

    async def seqs(self) -> list[int]:
        rows = await self.pool.fetch("select seq from stream.event order by seq")
        return [row["seq"] for row in rows]

    async def get(self, path: str = "/events", **params: Any) -> httpx.Response:
        async with http_client(self.url) as client:
            return await client.get(path, params=params)

    def address(self, **params: object) -> str:
        query = urlencode(params, doseq=True)
        return f"{self.url.replace('http', 'ws', 1)}/xrpc/{NSID}?{query}"

    @asynccontextmanager
    async def subscriber(self, **params: object) -> AsyncIterator[ClientConnection]:
        """Who goes with frames unread does not wait for the good-bye behind them."""
        async with websockets.connect(
            self.address(**params), proxy=None, max_queue=1, close_timeout=0.2
        ) as socket:
            yield socket

    @asynccontextmanager
    async def event_source(
        self, last: int | None = None, **params: object
    ) -> AsyncIterator["Source"]:
        headers = {} if last is None else {"last-event-id": str(last)}
        async with (
            http_client(timeout=WAIT_SECONDS) as client,
            client.stream(
                "GET", f"{self.url}/events?{urlencode(params, doseq=True)}", headers=headers
            ) as response,
        ):
            assert response.status_code == 200, await response.aread()
            yield Source(response, response.aiter_lines())


@asynccontextmanager
async def staged(settings: AppSettings, pool: Pool) -> AsyncIterator[Stage]:
    stop = asyncio.Event()
    app = create_app(settings, pool, CATALOG, None, stop)
    async with served(app, stop) as url:
        yield Stage(url, pool, stop)


@dataclass(frozen=True, slots=True)
class Source:
    response: httpx.Response
    lines: AsyncIterator[str]

    async def begun(self) -> None:
        """Whoever connected before has a place by now, too."""
        assert await anext(self.lines) == "retry: 3000"

    async def some(self, count: int) -> list[Json]:
        """So many events, as EventSource would give them; each held to the lexicon."""
        found: list[Json] = []
        fields: dict[str, str] = {}
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found) < count:
                line = await anext(self.lines)
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    if "data" in fields:
                        found.append(_read_event(fields))
                    fields = {}
        return found


def _read_event(fields: dict[str, str]) -> Json:
    message: Json = json.loads(fields["data"])
    if "$type" in message:
        CATALOG.validate(message["$type"], message)
        assert fields.get("id") == (str(message["seq"]) if "seq" in message else None)
    return message


async def frames(socket: ClientConnection, count: int) -> list[bytes]:
    async with asyncio.timeout(WAIT_SECONDS):
        return [await socket.recv(decode=False) for _ in range(count)]


async def some(socket: ClientConnection, count: int) -> list[Json]:
    """So many messages in their JSON form, read by the SDK's parser and held to the lexicon."""
    return [message_of(frame) for frame in await frames(socket, count)]


def message_of(frame: bytes) -> Json:
    read = Frame.from_bytes(frame)
    assert isinstance(read, MessageFrame), read
    body = frame.removeprefix(encode({"op": 1, "t": read.header.t}))
    value = decode(body)
    assert isinstance(value, dict)
    assert set(value) == set(read.body)
    kind = f"{NSID}{read.header.t}"
    CATALOG.validate(kind, {"$type": kind, **value})
    return {"$type": kind, **to_json(value)}


async def ending(socket: ClientConnection) -> tuple[Sequence[bytes], str | None, int | None]:
    """What still comes, the error at its end if there is one, and the code of the closing."""
    messages: list[bytes] = []
    error = None
    async with asyncio.timeout(WAIT_SECONDS):
        try:
            while True:
                frame = await socket.recv(decode=False)
                read = Frame.from_bytes(frame)
                if isinstance(read, ErrorFrame):
                    error = read.body.error
                else:
                    messages.append(frame)
        except websockets.ConnectionClosed:
            return messages, error, socket.close_code
