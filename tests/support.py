"""What several folders of tests share."""

import asyncio
import inspect
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

SHARED = Path(os.environ.get("PLYR_SHARED", Path(__file__).parents[2] / "shared"))
"""Beside the project: the official vectors, and what was recorded."""
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that meet no certificate: to load those of the world takes 20 ms each time."""


def http_client(base_url: str = "", **options: Any) -> httpx.AsyncClient:
    """For a server of the test."""
    return httpx.AsyncClient(base_url=base_url, trust_env=False, verify=NO_AUTHORITIES, **options)


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    timeout_seconds: float = 30,
    longest_pause: float = 0.01,
) -> None:
    """Return as soon as the predicate (plain or async) is true."""
    deadline = time.monotonic() + timeout_seconds
    pause = 0.01
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout_seconds} s: {predicate}")
        await asyncio.sleep(pause)
        pause = min(1.3 * pause, longest_pause)


async def accept_no_more(listener: socket.socket) -> None:
    """Before its server is closed: whom asyncio accepts in that moment it drops unclosed.

    Until Python 3.12 (https://github.com/python/cpython/issues/109564).
    """
    if listener.fileno() != -1:  # closed already
        asyncio.get_running_loop().remove_reader(listener)
    for _ in range(2):  # one to make a transport, one to tell its protocol
        await asyncio.sleep(0)


def least_cpu_seconds(work: Callable[[], object]) -> float:
    """Of three tries: one may have met the garbage collector."""
    took = []
    for _ in range(3):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)
