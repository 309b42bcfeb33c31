"""Hosts that never answer to the end, under many names, and one that does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson

from lexicons.syntax import Did
from tests.support import NO_AUTHORITIES
from tests.xrpc.people import ALICE, RoutedClient, document
from tests.xrpc.servers import FakeNames, Request, Server, http, serving
from xrpc.tasks import end

FRIEND = Did("did:web:friend.com")


@asynccontextmanager
async def tarpit(said: bytes = b"") -> AsyncIterator[int]:
    """Give its port. `said`: how far it answers."""
    connected: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        with suppress(ConnectionError, asyncio.CancelledError):
            while await reader.read(1_000):
                writer.write(said)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connected:
            writer.close()


@dataclass(slots=True)
class Stage:
    """`tarpits` are origins."""

    client: RoutedClient
    friend: Server
    tarpits: list[str]
    held: list["asyncio.Task[object]"] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return sum(not one.done() for one in self.held)


def friendly(request: Request) -> bytes:
    if request.path.endswith("did.json"):
        return http(orjson.dumps(document(FRIEND)))
    return http(ALICE)


@asynccontextmanager
async def staged(tarpits: int, said: bytes = b"") -> AsyncIterator[Stage]:
    """A stage whose tarpits are `t0.evil.com` and so on."""
    names = FakeNames({f"t{number}.evil.com": ["127.0.0.1"] for number in range(tarpits)})
    client = RoutedClient(
        allow_private_addresses=True, user_agent="tests", names=names, ssl_context=NO_AUTHORITIES
    )
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(tarpit(said))
        friend = await stack.enter_async_context(serving(friendly))
        await stack.enter_async_context(client)
        client.routes = {f"https://{name}": f"http://{name}:{port}" for name in names.hosts}
        stage = Stage(client, friend, list(client.routes.values()))
        names.hosts["friend.com"] = ["127.0.0.1"]
        client.routes["https://friend.com"] = f"http://friend.com:{friend.port}"
        try:
            yield stage
        finally:
            await end(stage.held)
