"""What a connection may ask of a server before it has asked for anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from appview.serving import HEAD_MAX_BYTES, Http
from tests.appview.served import served
from tests.support import wait_until

WAIT_SECONDS = 15
PATIENCE_SECONDS = 0.5


async def say(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len((await request.body()) or request.headers["x"])))


APP = Starlette(routes=[Route("/", say, methods=["GET", "POST"])])


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(APP) as url:
        yield int(url.rpartition(":")[2])


async def told(port: int, *pieces: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(WAIT_SECONDS):
            return await reader.read()
    except ConnectionError:
        return b"cut off"
    finally:
        writer.close()


async def test_a_head_without_end_is_refused_before_it_fills_the_memory(port: int) -> None:
    lines = [b"x-%d: %s\r\n" % (number, b"a" * 1_000) for number in range(20_000)]
    answer = await told(port, b"GET / HTTP/1.1\r\nhost: x\r\n", *lines)
    assert answer == b"cut off" or answer.startswith(b"HTTP/1.1 431 ")
    answer = await told(port, b"GET / HTTP/1.1\r\nhost: x\r\nx: ", *[b"a" * 100_000] * 200)
    assert answer == b"cut off" or answer.startswith(b"HTTP/1.1 431 ")


async def test_a_long_head_and_a_longer_body_are_taken_one_after_another(port: int) -> None:
    size = HEAD_MAX_BYTES // 2
    head = b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * size + b"\r\n"
    long = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n"
    last = head + b"connection: close\r\n\r\n"
    answer = await told(port, head, b"\r\n", long, b"b" * 200_000, last)
    assert answer.count(b"HTTP/1.1 200 OK") == answer.count(b"HTTP/1.1 ") == 3


class Hasty(Http):
    head_seconds = 0.05


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"])
async def test_who_never_comes_to_the_point_is_sent_away(begun: bytes) -> None:
    config = uvicorn.Config(APP, port=0, http=Hasty, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    asked = b"GET / HTTP/1.1\r\nhost: x\r\nx: a\r\n\r\n"
    assert await told(port, begun) == b""
    assert (await told(port, asked, begun)).startswith(b"HTTP/1.1 200 OK")
    server.should_exit = True
    await serving


async def test_little_is_on_its_way_to_a_subscriber_who_does_not_read() -> None:
    """Or a ping is answered, and the word why he is cut off is heard, after megabytes before it."""
    full: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def pour(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sent = 0
        try:
            while True:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await send({"type": "websocket.send", "bytes": b"a" * 10_000})
                sent += 10_000
        except TimeoutError:
            full.set_result(sent)

    async with (
        served(pour) as url,
        websockets.connect(url.replace("http", "ws"), proxy=None, max_queue=1, close_timeout=0.2),
        asyncio.timeout(WAIT_SECONDS),
    ):
        assert await full < 1_500_000
