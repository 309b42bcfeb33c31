"""The servers of the world end as they are told to, whoever connects just then."""

import asyncio
import gc
import socket

import pytest

from tests.network.http import HttpServer
from tests.network.relay import Relay


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("kind", ["http", "relay"])
async def test_whoever_connects_while_a_server_ends_is_dropped_properly(
    kind: str, turns: int
) -> None:
    server = HttpServer() if kind == "http" else Relay(list)
    await server.open()
    with socket.socket() as client:
        client.connect(("127.0.0.1", server.port))
        for _ in range(turns):
            await asyncio.sleep(0)
    await server.close()
    gc.collect()  # what nobody closed says so now, which is an error here
