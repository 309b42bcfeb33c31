"""The program, on a socket for clients that are not ours, or without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.types import ASGIApp

from appview.config import from_env
from appview.serving import answer, listening
from tests.support import accept_no_more


def asking(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="https://music.test")


@asynccontextmanager
async def served(app: ASGIApp, stop: asyncio.Event | None = None) -> AsyncIterator[str]:
    """Its URL, until the block ends."""
    config = from_env({"PLYR_PORT": "0"})
    stop, listener = stop or asyncio.Event(), listening(config)
    listener.listen()  # who connects before the server is up waits
    serving = asyncio.create_task(answer(config, app, listener, stop))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await accept_no_more(listener)
        stop.set()
        await serving
