"""Small servers at the socket, for tests to talk to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support import NO_AUTHORITIES
from xrpc.client import GuardedClient
from xrpc.names import NameNotFound, NameTrouble

Answer = Callable[["Request"], bytes | AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Server:
    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve raw bytes, so that an answer can be as wrong as it likes."""
    known = Server(0)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known.connections += 1
        try:
            while head := await read_head(reader):
                known.requests.append(head)
                said = answer(head)
                if isinstance(said, bytes):
                    writer.write(said)
                else:
                    async for chunk in said:
                        writer.write(chunk)
                        await writer.drain()
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    known.port = server.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        server.close()


async def read_head(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines if line)
    return Request(first.split(" ")[1], {name.lower(): value for name, _, value in pairs})


def http(body: bytes | str = b"", status: int = 200, **headers: str) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def always(said: bytes) -> Answer:
    return lambda _: said


@dataclass(slots=True)
class FakeNames:
    """The DNS of a test: what is not in it does not exist; None is a name server in trouble."""

    hosts: dict[str, list[str] | None] = field(default_factory=dict)
    txts: dict[str, list[str] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def addresses(self, host: str) -> list[str]:
        return self._answer(self.hosts, host)

    async def texts(self, name: str) -> list[str]:
        return self._answer(self.txts, name)

    def _answer(self, zone: Mapping[str, list[str] | None], name: str) -> list[str]:
        self.asked.append(name)
        if name not in zone:
            raise NameNotFound(name)
        found = zone[name]
        if found is None:
            raise NameTrouble(name)
        return found


def open_client(names: FakeNames | None = None, tls: ssl.SSLContext | None = None) -> GuardedClient:
    """A client that may reach the servers above."""
    return GuardedClient(
        allow_private_addresses=True,
        user_agent="tests",
        names=names,
        ssl_context=tls or NO_AUTHORITIES,
    )


def strict_client(names: FakeNames | None = None, *trusted: str) -> GuardedClient:
    """A client as in production."""
    return GuardedClient(
        allow_private_addresses=False,
        user_agent="tests",
        names=names or FakeNames(),
        trusted_origins=frozenset(trusted),
        ssl_context=NO_AUTHORITIES,
    )
