"""Hosts that accept a connection and never answer, under more names than there are places."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson
import pytest

from lexicons.syntax import Did, Handle
from tests.support import NO_AUTHORITIES, wait_until
from tests.xrpc.people import ALICE, RoutedClient, World, document
from tests.xrpc.servers import FakeNames, Request, Server, http, serving
from xrpc.client import LEAST_SECONDS, UNANSWERED_AT_ONCE, Unreachable
from xrpc.identity import IdentityResolver
from xrpc.tasks import end

TARPITS = UNANSWERED_AT_ONCE + 40
FRIEND = Did("did:web:friend.com")


@asynccontextmanager
async def tarpit() -> AsyncIterator[int]:
    """Give its port."""
    connected: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        with suppress(ConnectionError, asyncio.CancelledError):
            while await reader.read(1_000):
                pass

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connected:
            writer.close()


@dataclass(slots=True)
class Stage:
    client: RoutedClient
    friend: Server
    held: list["asyncio.Task[object]"] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return sum(not one.done() for one in self.held)


def friendly(request: Request) -> bytes:
    if request.path.endswith("did.json"):
        return http(orjson.dumps(document(FRIEND)))
    return http(ALICE)


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A stage whose tarpits are `t0.evil.com` and so on."""
    names = FakeNames({f"t{number}.evil.com": ["127.0.0.1"] for number in range(TARPITS)})
    names.hosts["friend.com"] = ["127.0.0.1"]
    client = RoutedClient(
        allow_private_addresses=True, user_agent="tests", names=names, ssl_context=NO_AUTHORITIES
    )
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(tarpit())
        friend = await stack.enter_async_context(serving(friendly))
        await stack.enter_async_context(client)
        client.routes = {f"https://{name}": f"http://{name}:{port}" for name in names.hosts}
        client.routes["https://friend.com"] = f"http://friend.com:{friend.port}"
        stage = Stage(client, friend)
        try:
            yield stage
        finally:
            await end(stage.held)


async def test_hosts_that_never_answer_leave_a_place_to_one_that_does() -> None:
    async with staged() as stage:
        ask = stage.client.get
        for number in range(TARPITS):
            asking = ask(f"https://t{number}.evil.com/", max_bytes=9, timeout_seconds=600)
            stage.held.append(asyncio.create_task(asking))
        await asyncio.sleep(0)
        answer = await ask("https://friend.com/", max_bytes=99, timeout_seconds=20)
        assert answer.status == 200
        assert stage.waiting >= UNANSWERED_AT_ONCE - 1, "only those in the way had to go"
        failed = [one.exception() for one in stage.held if one.done()]
        assert failed
        assert all(isinstance(one, Unreachable) for one in failed)


async def test_hosts_that_are_slow_are_waited_for_as_long_as_nobody_else_waits() -> None:
    async with staged() as stage:
        for number in range(UNANSWERED_AT_ONCE - 1):
            url = f"https://t{number}.evil.com/"
            asking = stage.client.get(url, max_bytes=9, timeout_seconds=600)
            stage.held.append(asyncio.create_task(asking))
        await asyncio.wait(stage.held, timeout=LEAST_SECONDS + 0.5)
        await stage.client.get("https://friend.com/", max_bytes=99, timeout_seconds=20)
        assert stage.waiting == UNANSWERED_AT_ONCE - 1


@pytest.mark.parametrize("kind", ["documents", "handles"])
async def test_domains_that_never_answer_hold_up_no_other_identity(kind: str) -> None:
    world = World()
    world.documents[ALICE] = document(ALICE)
    async with (
        staged() as stage,
        serving(world.answer) as plc,
        IdentityResolver(stage.client, plc.url, names=FakeNames()) as resolver,
    ):
        for number in range(TARPITS):
            name = f"t{number}.evil.com"
            asking = (
                resolver.resolve(Did(f"did:web:{name}"))
                if kind == "documents"
                else resolver.resolve_handle(Handle(name))
            )
            stage.held.append(asyncio.create_task(asking))
        await wait_until(lambda: len(resolver._flights._tasks) >= TARPITS)
        await resolver.resolve(ALICE)
        assert stage.waiting == TARPITS
        assert (await resolver.resolve(FRIEND)).key is not None
        assert await resolver.resolve_handle(Handle("friend.com")) == ALICE
        assert stage.waiting > TARPITS / 2
