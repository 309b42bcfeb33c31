"""Subscriptions in general: what a handler may do, and what a client is told of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import websockets
from starlette.applications import Starlette
from starlette.types import Message
from structlog.testing import capture_logs

from appview.config import from_env
from appview.serving import STALLED_MILLISECONDS, answer, listening
from lexicons.catalog import Catalog
from lexicons.data_model import decode, encode
from tests.support import wait_until
from tests.xrpc.methods import lexicon, params
from xrpc.errors import XrpcError, not_enough_resources
from xrpc.rate_limit import RateLimit, RateLimiter
from xrpc.seats import Seats
from xrpc.server import Unserved, XrpcRequest
from xrpc.stream import Frames, StreamServer, Subscription, error_frame, message_frame

WATCH = "test.plyr.watchThings"
CATALOG = Catalog(
    [
        lexicon(
            WATCH,
            type="subscription",
            parameters=params(after={"type": "integer", "default": 7}),
            errors=[{"name": "TooLate"}],
        )
    ]
)
elsewhere = Starlette()


@dataclass(slots=True)
class World:
    """`follow` is what the handler does; `left`: it has ended, whyever."""

    follow: Callable[[XrpcRequest], Frames]
    left: asyncio.Event = field(default_factory=asyncio.Event)


async def watch_things(world: World, request: XrpcRequest) -> Frames:
    try:
        async for frames in world.follow(request):
            yield frames
    finally:
        world.left.set()


def raising(error: Exception) -> World:
    async def follow(_: XrpcRequest) -> Frames:
        yield [message_frame("#thing", encode({"seq": 1}))]
        raise error

    return World(follow)


async def endless(_: XrpcRequest) -> Frames:
    yield [message_frame("#thing", encode({"seq": 1}))]
    await asyncio.Event().wait()


def translate(error: Exception) -> XrpcError | None:
    return not_enough_resources() if isinstance(error, ConnectionError) else None


def streams(world: World, seats: Seats) -> StreamServer[World]:
    served = [Subscription(WATCH, watch_things)]
    return StreamServer(CATALOG, served, world, elsewhere, seats, translate)


@asynccontextmanager
async def serving(world: World, seats: Seats | None = None) -> AsyncIterator[str]:
    stop, listener = asyncio.Event(), listening(from_env({"PLYR_PORT": "0"}))
    listener.listen()
    app = streams(world, seats or Seats(10, 10))
    running = asyncio.create_task(answer(from_env({}), app, listener, stop))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/xrpc/{WATCH}"
    finally:
        stop.set()
        await running


async def all_of(url: str) -> tuple[list[bytes], int | None]:
    frames: list[bytes] = []
    async with websockets.connect(url, proxy=None) as connection:
        async with asyncio.timeout(10):
            try:
                while True:
                    frames.append(await connection.recv(decode=False))
            except websockets.ConnectionClosed:
                return frames, connection.close_code


async def test_a_handler_is_given_the_parameters_of_its_lexicon() -> None:
    async def follow(request: XrpcRequest) -> Frames:
        yield [message_frame("#thing", encode({"after": request.params["after"]}))]

    async with serving(World(follow)) as url:
        frames, code = await all_of(f"{url}?unknown=1")
        assert (frames, code) == ([encode({"op": 1, "t": "#thing"}) + encode({"after": 7})], 1012)
        frames, _ = await all_of(f"{url}/?after=9")
        assert frames[0].endswith(encode({"after": 9}))


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (XrpcError(400, "TooLate", "gone since noon"), "TooLate", 1008),
        (ConnectionError("10.0.0.7 is down"), "NotEnoughResources", 1011),
        (XrpcError(400, "Undeclared", "secret"), "InternalServerError", 1011),
        (RuntimeError("secret"), "InternalServerError", 1011),
    ],
)
async def test_an_error_is_the_last_message_and_tells_what_it_may(
    error: Exception, told: str, code: int
) -> None:
    with capture_logs() as logs:
        async with serving(raising(error)) as url:
            (_, last), closed = await all_of(url)
    assert last.startswith(encode({"op": -1}))
    body = decode(last.removeprefix(encode({"op": -1})))
    assert isinstance(body, dict)
    assert body["error"] == told
    assert "secret" not in str(body)
    assert "10.0.0.7" not in str(body)
    assert closed == code
    assert len(logs) == (told != "TooLate")


async def test_a_handler_ends_when_its_client_leaves() -> None:
    world = World(endless)
    async with serving(world) as url:
        async with websockets.connect(url, proxy=None) as connection:
            await connection.recv()
            assert not world.left.is_set()
        await asyncio.wait_for(world.left.wait(), 30)


async def test_a_handler_ends_when_its_client_vanishes_while_it_is_sent_to() -> None:
    async def flood(_: XrpcRequest) -> Frames:
        while True:
            yield [message_frame("#thing", encode(b"x" * 100_000))]

    world = World(flood)
    async with serving(world) as url:
        async with websockets.connect(url, proxy=None, max_queue=1) as connection:
            await connection.recv()
            connection.transport.abort()
        await asyncio.wait_for(world.left.wait(), 30)


async def test_a_seat_is_free_again_whatever_ended_the_stream() -> None:
    seats = Seats(1, 1)
    async with serving(raising(RuntimeError("on purpose")), seats) as url:
        with capture_logs():
            for _ in range(3):
                frames, _ = await all_of(url)
                assert len(frames) == 2

                def is_free() -> bool:
                    with seats.seat("127.0.0.1"):
                        return True

                await wait_until(is_free)


def test_connecting_counts_as_a_request() -> None:
    limiter = RateLimiter(RateLimit(2, 60), lambda: 0.0, lambda: 0.0)
    seats = Seats(10, 10, limiter)
    for _ in range(2):
        with seats.seat("192.0.2.1"):
            pass
    with pytest.raises(XrpcError) as refused, seats.seat("192.0.2.1"):
        pass
    assert refused.value.status == 429
    with seats.seat("192.0.2.2"):
        pass


def test_whoever_has_many_networks_has_the_seats_of_a_few() -> None:
    seats = Seats(100, 2)
    with ExitStack() as stack:
        for number in range(8):
            stack.enter_context(seats.seat(f"2001:db8:0:{number:x}::1"))
        with pytest.raises(XrpcError), seats.seat("2001:db8:0:ffff::1"):
            pass
        stack.enter_context(seats.seat("2001:db8:1::1"))
        for number in range(10):
            stack.enter_context(seats.seat(f"192.0.2.{number}"))
    assert not seats._taken
    assert not seats._sites


def test_addresses_of_one_network_share_their_seats() -> None:
    seats = Seats(10, 1)
    with seats.seat("2001:db8::1"):
        with pytest.raises(XrpcError), seats.seat("2001:db8::2"):
            pass
        with seats.seat("2001:db8:0:1::1"):
            pass


def test_what_the_lexicons_declare_is_served_and_nothing_else() -> None:
    with pytest.raises(Unserved):
        StreamServer(CATALOG, [], None, elsewhere, Seats(1, 1))
    unknown: Subscription[World] = Subscription("test.plyr.other", watch_things)
    with pytest.raises(Unserved):
        StreamServer(CATALOG, [unknown], World(endless), elsewhere, Seats(1, 1))


async def test_a_server_that_cannot_refuse_by_http_closes() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/xrpc/test.plyr.other", "query_string": b""}
    await streams(World(endless), Seats(1, 1))(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_an_error_frame_is_two_items() -> None:
    frame = error_frame(XrpcError(400, "TooLate", "gone"))
    assert frame == encode({"op": -1}) + encode({"error": "TooLate", "message": "gone"})


def test_whoever_stops_reading_is_cut_off_by_the_system() -> None:
    with listening(from_env({"PLYR_PORT": "0"})) as listener:
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is None:
            pytest.skip("only Linux has TCP_USER_TIMEOUT")
        assert listener.getsockopt(socket.IPPROTO_TCP, option) == STALLED_MILLISECONDS
