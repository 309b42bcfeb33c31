"""Case 108: how much each caller may ask, over HTTP and behind proxies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from appview.config import from_env
from appview.serving import answer, listening
from lexicons.catalog import Method
from lexicons.syntax import Did
from tests.support import http_client
from tests.xrpc.methods import GET, HOT, RAW, World, asking, envelope, server
from tests.xrpc.test_caller_rates import Clock
from xrpc.errors import XrpcError, unauthorized
from xrpc.rate_limit import RateLimit, RateLimiter
from xrpc.server import Hooks

NOON = 1_800_000_000.0


def limiter(requests: int, seconds: int = 10, clock: Clock | None = None) -> RateLimiter:
    return RateLimiter(RateLimit(requests, seconds), clock or Clock(), lambda: NOON)


def limited(requests: int) -> Hooks[World]:
    return Hooks(limiter=limiter(requests))


async def test_case_108_a_caller_is_told_what_is_left_and_then_when_to_come_back() -> None:
    world = World()
    async with asking(world, limited(2)) as client:
        answers = [await client.get(f"{GET}?q=a") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    for said in answers:
        assert said.headers["ratelimit-limit"] == "2"
        assert said.headers["ratelimit-policy"] == "2;w=10"
    assert answers[0].headers["ratelimit-reset"] == str(int(NOON) + 5)
    assert envelope(answers[2])[1] == "RateLimitExceeded"
    assert answers[2].headers["retry-after"] == "5"
    assert len(world.requests) == 2


async def test_case_108_every_kind_of_answer_says_what_is_left() -> None:
    async with asking(World(), limited(9)) as client:
        tag = (await client.get(f"{GET}?q=a")).headers["etag"]
        kinds = [
            await client.get(f"{GET}?q=a", headers={"if-none-match": tag}),
            await client.get(HOT),
            await client.get(RAW),
            await client.head(RAW),
        ]
    assert [kind.status_code for kind in kinds] == [304, 200, 200, 200]
    assert [kind.headers["ratelimit-remaining"] for kind in kinds] == ["7", "6", "5", "4"]


async def test_an_answer_from_memory_counts_too() -> None:
    async with asking(World(), limited(3)) as client:
        statuses = [(await client.get(HOT)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


async def refuse(_: str, __: Method) -> Did:
    raise unauthorized("BadJwtSignature", "no")


async def test_a_token_that_is_refused_counts_for_the_address_it_came_from() -> None:
    """Or forging them would cost us signatures to check, and whoever forges them nothing."""
    hooks = Hooks[World](limiter=limiter(2), authenticate=refuse)
    async with asking(World(), hooks) as client:
        bad = {"authorization": "Bearer bad"}
        refused = [await client.get(f"{GET}?q=a", headers=bad) for _ in range(3)]
        assert [answer.status_code for answer in refused] == [401, 401, 429]
        assert refused[2].headers["retry-after"] == "5"
        assert (await client.get(f"{GET}?q=a")).status_code == 429


async def test_what_is_refused_before_it_is_asked_counts_and_is_told_what_is_left() -> None:
    async with asking(World(), limited(3)) as client:
        answers = [await client.get(f"{GET}?q=a&limit=many") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]


async def test_a_preflight_costs_nothing() -> None:
    async with asking(World(), limited(1)) as client:
        for _ in range(3):
            assert (await client.options(GET)).status_code == 204
        assert (await client.get(f"{GET}?q=a")).status_code == 200


def test_what_was_used_drips_in_steadily() -> None:
    clock = Clock()
    limit = limiter(2, 10, clock)
    limit.take("a")
    limit.take("a")
    clock.now += 4.9
    with pytest.raises(XrpcError) as refused:
        limit.take("a")
    assert refused.value.headers["retry-after"] == "1"
    clock.now += 0.2
    limit.take("a")
    limit.take("b")


@asynccontextmanager
async def behind(trusted_proxies: str) -> AsyncIterator[httpx.AsyncClient]:
    """The server as it is shipped, on a socket; the client stands for the proxy."""
    config = from_env({"PLYR_PORT": "0", "PLYR_TRUSTED_PROXIES": trusted_proxies})
    stop, listener = asyncio.Event(), listening(config)
    app = server(World(), limited(1))
    serving = asyncio.create_task(answer(config, app, listener, stop))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/xrpc/{GET}?q=a"
    async with http_client(url) as client:
        yield client
    stop.set()
    await serving


async def status(client: httpx.AsyncClient, *forwarded_for: str) -> int:
    headers = {"x-forwarded-for": ", ".join(forwarded_for)}
    return (await client.get("", headers=headers)).status_code


async def test_R47_behind_a_trusted_proxy_each_caller_has_a_rate_of_their_own() -> None:
    async with behind("127.0.0.1,10.0.0.0/8") as client:
        assert await status(client, "192.0.2.1") == 200
        assert await status(client, "192.0.2.2") == 200
        assert await status(client, "192.0.2.1") == 429
        assert await status(client, "2001:db8:1:2::1") == 200
        assert await status(client, "2001:db8:1:2::ffff") == 429
        assert await status(client, "2001:db8:1:3::1") == 200
        # What a caller claims stands left of what the proxies saw.
        assert await status(client, "198.51.100.9", "192.0.2.2", "10.0.0.3") == 429
        assert await status(client, "192.0.2.2", "192.0.2.3", "10.0.0.3") == 200


async def test_R47_nobody_else_may_name_the_caller() -> None:
    async with behind("10.0.0.0/8") as client:
        assert await status(client, "192.0.2.1") == 200
        assert await status(client, "192.0.2.2") == 429
