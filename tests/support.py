"""What several folders of tests share."""

import asyncio
import inspect
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

SHARED = Path(os.environ.get("PLYR_SHARED", Path(__file__).parents[2] / "shared"))
"""Beside the project: the official vectors, and what was recorded."""
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that meet no certificate: to load those of the world takes 20 ms each time."""
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


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


def refuse_other_machines(url: str, environ: Mapping[str, str]) -> str:
    """Tests create and drop databases: never on a server that somebody else may use."""
    parts = urlsplit(url)
    places = parts.netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{place}").hostname for place in places if place]
    hosts += [host for value in parse_qs(parts.query).get("host", []) for host in value.split(",")]
    for host in hosts or environ.get("PGHOST", "").split(","):
        if host and host not in LOCAL_HOSTS and not host.startswith("/"):
            pytest.exit(
                f"PLYR_TEST_DATABASE_URL names {host}, which is not this machine. Tests create and "
                "drop databases: give a server on localhost or a socket folder, or unset it to "
                "use an embedded Postgres.",
                returncode=4,
            )
    return url
