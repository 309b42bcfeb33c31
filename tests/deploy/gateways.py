"""The balancers of docs/deploy, for real, in front of a small server that tells what it got."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.network.http import free_port
from tests.support import wait_until
from tests.xrpc.certificates import PEM, certified

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


def tool(name: str) -> Path:
    """A program of the development environment, else of the system."""
    beside = Path(sys.executable).with_name(name)
    found = beside if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return Path(found)


@dataclass(slots=True)
class Backend:
    port: int = 0
    second_event: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, request: Request) -> JSONResponse:
        seen = {"method": request.method, "url": str(request.url), "headers": dict(request.headers)}
        headers = {"content-range": "bytes 5-9/100", "x-got-method": request.method}
        return JSONResponse(seen, 206 if "range" in request.headers else 200, headers)

    async def events(self, _request: Request) -> StreamingResponse:
        async def stream() -> AsyncIterator[str]:
            yield "data: one\n\n"
            await self.second_event.wait()
            yield "data: two\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def echo(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.close()


@asynccontextmanager
async def running_backend() -> AsyncIterator[Backend]:
    backend = Backend()
    routes = [
        Route("/tell", backend.tell, methods=["GET", "HEAD"]),
        Route("/events", backend.events),
        WebSocketRoute("/echo", backend.echo),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await wait_until(lambda: server.started)
    backend.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        backend.second_event.set()
        server.should_exit = True
        await task


@dataclass(frozen=True, slots=True)
class Gateway:
    url: str
    certificate: Path | None


@asynccontextmanager
async def process(port: int, *command: str, **environment: str) -> AsyncIterator[None]:
    child = await asyncio.create_subprocess_exec(*command, env=os.environ | environment)

    async def listens() -> bool:
        assert child.returncode is None, f"{command[0]} ended with {child.returncode}"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    try:
        await wait_until(listens)
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


@asynccontextmanager
async def caddy(backend: Backend, folder: Path) -> AsyncIterator[Gateway]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with process(
        port,
        *(str(tool("caddy")), "run", "--adapter", "caddyfile"),
        *("--config", str(DEPLOY / "Caddyfile")),
        SITE=url,
        PORT=str(backend.port),
        HOME=str(folder),
        XDG_DATA_HOME=str(folder),
        XDG_CONFIG_HOME=str(folder),
    ):
        yield Gateway(url, None)


@asynccontextmanager
async def nginx(backend: Backend, folder: Path) -> AsyncIterator[Gateway]:
    port = free_port()
    configuration = nginx_configuration(folder, port, backend.port)
    command = (str(tool("nginx")), "-p", str(folder), "-c", str(configuration))
    async with process(port, *command, "-e", "stderr", "-g", "daemon off;"):
        yield Gateway(f"https://localhost:{port}", folder / PEM)


def nginx_configuration(folder: Path, port: int, backend_port: int) -> Path:
    """The file as it is but for what its head says is to be changed, and for who may bind what."""
    certified("localhost", folder)
    text = (DEPLOY / "nginx.conf").read_text()
    changes = {
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"listen 80;": f"listen 127.0.0.1:{free_port()};",
        r"/etc/ssl/appview\.example\.com/(fullchain|privkey)\.pem": str(folder / PEM),
        r"appview\.example\.com": "localhost",
        r"127\.0\.0\.1:800[12]": f"127.0.0.1:{backend_port}",
        r"http \{": f"http {{ access_log off; {_scratch(folder)}",
        r"worker_processes auto;": f"worker_processes 1; pid {folder}/nginx.pid;",
    }
    for pattern, replacement in changes.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"nginx.conf no longer has {pattern}"
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


def _scratch(folder: Path) -> str:
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{name}_temp_path {folder}/{name};" for name in names)
