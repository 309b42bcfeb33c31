"""A small HTTP server inside the test's own event loop, which answers wrongly when told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support import accept_no_more

Answer = Callable[[], Awaitable[Response]]
Fault = Callable[[Answer], Awaitable[Response]]

NOWHERE = "http://127.0.0.1:9"
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 16
OUR_PORTS = range(15_000 + 1_000 * WORKER, 16_000 + 1_000 * WORKER)
"""Another worker's tests take none of them between the choice and the start of a program."""
TOO_LATE_SECONDS = 600


def json_response(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def xrpc_error(error: str, message: str = "", status: int = 400) -> Response:
    return json_response({"error": error, "message": message or error}, status)


def status(code: int, headers: Mapping[str, str] | None = None, error: str = "Busy") -> Fault:
    async def answered(_: Answer) -> Response:
        response = xrpc_error(error, "told to", code)
        response.headers.update(headers or {})
        return response

    return answered


def body(data: bytes, media_type: str = "application/octet-stream", status: int = 200) -> Fault:
    async def answered(_: Answer) -> Response:
        return Response(data, status, media_type=media_type)

    return answered


def slow(seconds: float) -> Fault:
    async def answered(answer: Answer) -> Response:
        await asyncio.sleep(seconds)
        return await answer()

    return answered


def held(until: asyncio.Event) -> Fault:
    async def answered(answer: Answer) -> Response:
        await asyncio.wait_for(until.wait(), TOO_LATE_SECONDS)
        return await answer()

    return answered


def redirect(url: str, code: int = 302) -> Fault:
    async def answered(_: Answer) -> Response:
        return RedirectResponse(url, code)

    return answered


def endless(chunk: bytes = b"\x00" * 65536) -> Fault:
    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield chunk
            await asyncio.sleep(0)

    async def answered(_: Answer) -> Response:
        return StreamingResponse(forever(), media_type="application/octet-stream")

    return answered


def rewritten(change: Callable[[bytes], bytes]) -> Fault:
    """The right answer with its bytes changed: cut, flipped, replaced."""

    async def answered(answer: Answer) -> Response:
        response = await answer()
        return Response(
            change(bytes(response.body)), response.status_code, media_type=response.media_type
        )

    return answered


def cut_in_the_middle(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def cut_between_blocks(data: bytes) -> bytes:
    """Without the last section: a CAR that parses, and lacks a block."""
    return b"".join([*sections(data)][:-1])


def sections(data: bytes) -> Iterator[bytes]:
    """Of a CAR: its header, then a block each."""
    at = 0
    while at < len(data):
        begun, length, shift = at, 0, 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += length
        yield data[begun:at]


@dataclass(slots=True)
class Asked:
    name: str
    params: dict[str, list[str]]
    at: float = field(default_factory=time.monotonic)


class Faults:
    """What to answer instead, by the name asked for: an NSID, a DID, or * for all."""

    def __init__(self) -> None:
        self._pending: dict[str, list[tuple[Fault, int | None]]] = {}

    def on(self, name: str, fault: Fault, *, times: int | None = None) -> None:
        self._pending.setdefault(name, []).append((fault, times))

    def clear(self) -> None:
        self._pending.clear()

    def take(self, name: str) -> Fault | None:
        queue = self._pending.get(name) or self._pending.get("*")
        if not queue:
            return None
        fault, times = queue[0]
        if times is not None:
            queue[0] = (fault, times - 1)
            if times <= 1:
                queue.pop(0)
        return fault


class _QuietServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the test run."""
        yield

    async def main_loop(self) -> None:
        """Not looked ten times a second: a test would wait for the next look, server by server."""
        await self.on_tick(0)
        await self.ending.wait()


def listening(port: int = 0) -> socket.socket:
    """Without a port at one of ours, which nobody is given who asks the system for any.

    Who ends and starts again, or has yet to start, would else find it taken now and then.
    """
    while True:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port or random.choice(OUR_PORTS)))
            listener.listen()
        except OSError:
            listener.close()
            if port:
                raise
        else:
            return listener


def free_port() -> int:
    with listening() as probe:
        port: int = probe.getsockname()[1]
        return port


class HttpServer:
    """`answer(request, name)` gives the right answer; `faults` may come before it."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.port = 0
        self._listener: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._server: _QuietServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: Request, name: str) -> Response:
        raise NotImplementedError

    async def handle(self, request: Request) -> Response:
        name = request.url.path.rsplit("/", 1)[-1]
        params = {key: request.query_params.getlist(key) for key in request.query_params}
        self.asked.append(Asked(name, params))

        async def answer() -> Response:
            return await self.answer(request, name)

        fault = self.faults.take(name)
        return await (fault(answer) if fault else answer())

    def times_asked(self, name: str) -> int:
        return sum(asked.name == name for asked in self.asked)

    async def open(self) -> None:
        self._listener = listening(self.port)
        self.port = self._listener.getsockname()[1]
        app = Starlette(routes=[Route("/{path:path}", self.handle, methods=["GET", "POST"])])
        config = uvicorn.Config(
            app, ws="none", lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=1, timeout_keep_alive=60,
        )  # fmt: skip
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._server.serve([self._listener]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        if self._server and self._task and self._listener:
            await accept_no_more(self._listener)
            self._server.should_exit = True
            self._server.force_exit = True
            self._server.ending.set()
            await self._task
            self._task = None
