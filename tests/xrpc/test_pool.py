"""Connections of requests that are cancelled, at whichever step, are not held for ever."""

import asyncio

from tests.support import wait_until
from tests.xrpc.servers import always, http, open_client, serving
from tests.xrpc.tarpits import tarpit
from xrpc.client import GuardedClient
from xrpc.pool import Pool
from xrpc.tasks import end

STEPS = 80


async def test_who_is_cancelled_as_its_turn_comes_takes_no_place_along() -> None:
    async with (
        tarpit() as port,
        serving(always(http("here"))) as server,
        Pool(max_connections=1) as pool,
    ):
        url = f"http://127.0.0.1:{port}"
        for steps in range(STEPS):
            asking = [asyncio.create_task(pool.request("GET", url)) for _ in range(3)]
            for _ in range(steps):
                await asyncio.sleep(0)
            await end(asking)
            async with asyncio.timeout(10):
                assert (await pool.request("GET", server.url)).status == 200


async def test_a_question_may_be_cancelled_at_whichever_step() -> None:
    async with serving(always(http("here"))) as server, open_client() as client:
        for steps in range(STEPS):
            asking = asyncio.create_task(client.get(server.url, max_bytes=9, timeout_seconds=10))
            for _ in range(steps):
                await asyncio.sleep(0)
            await end([asking])
            await wait_until(lambda: not under_way(client))
            assert (await client.get(server.url, max_bytes=9, timeout_seconds=10)).status == 200
            assert len(connections(client)) <= 1
            for pool in client._strangers:
                await pool.aclose()


def under_way(client: GuardedClient) -> int:
    return sum(len(pool._requests) for pool in client._strangers)


def connections(client: GuardedClient) -> list[object]:
    return [one for pool in client._strangers for one in pool.connections]
