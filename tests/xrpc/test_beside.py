"""What is answered beside XRPC, and under which rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from structlog.testing import capture_logs

from xrpc.beside import Answer, Beside
from xrpc.errors import XrpcError, not_enough_resources
from xrpc.rate_limit import RateLimit, RateLimiter

PATH = "/thing/{name}"


def translate(error: Exception) -> XrpcError | None:
    return not_enough_resources() if isinstance(error, OSError) else None


async def named(request: Request) -> Response:
    return PlainTextResponse(request.path_params["name"])


def raising(error: Exception) -> Answer:
    async def answer(_: Request) -> Response:
        raise error

    return answer


@asynccontextmanager
async def asking(
    answer: Answer = named, limit: RateLimiter | None = None, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    beside = Beside(0.05, translate, limit)
    app = Starlette(routes=[beside.route(PATH, answer, **options)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://host.test") as client:
        yield client


def few() -> RateLimiter:
    return RateLimiter(RateLimit(2, 3600), lambda: 0.0, lambda: 0.0)


def counted(path: str, status: int) -> float:
    labels = {"route": path, "status": str(status)}
    return REGISTRY.get_sample_value("plyr_requests_total", labels) or 0.0


async def test_a_caller_has_as_much_of_it_as_of_queries() -> None:
    async with asking(limit=few()) as client:
        answers = [await client.get("/thing/a") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"] == "RateLimitExceeded"
    assert answers[2].headers["retry-after"]
    assert answers[2].headers["cache-control"] == "private, no-store"


async def test_what_is_free_costs_nothing() -> None:
    async with asking(limit=few(), is_free=True) as client:
        assert {(await client.get("/thing/a")).status_code for _ in range(5)} == {200}


async def test_what_takes_too_long_asks_to_come_back() -> None:
    async def never(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with asking(never) as client:
        assert (await client.get("/thing/a")).status_code == 503


async def test_an_exception_of_ours_says_nothing_but_in_the_log() -> None:
    async with asking(raising(RuntimeError("password=hunter2"))) as client:
        with capture_logs() as logs:
            response = await client.get("/thing/a")
    assert (response.status_code, response.json()["error"]) == (500, "InternalServerError")
    assert "hunter2" not in response.text
    assert [(line["event"], line["route"]) for line in logs] == [("request failed", PATH)]


async def test_an_error_is_told_in_the_form_of_who_asks() -> None:
    def refuse(error: XrpcError) -> Response:
        return PlainTextResponse(f"sorry: {error.message}", error.status)

    async with asking(raising(XrpcError(410, "Gone", "away")), refuse=refuse) as client:
        with capture_logs() as logs:
            response = await client.get("/thing/a")
    assert (response.status_code, response.text) == (410, "sorry: away")
    assert response.headers["access-control-allow-origin"] == "*"
    assert logs == []


async def test_scripts_of_other_pages_may_ask() -> None:
    async with asking(limit=few()) as client:
        wanted = {"access-control-request-headers": "range"}
        for _ in range(3):
            response = await client.options("/thing/a", headers=wanted)
            assert (response.status_code, response.headers["access-control-allow-headers"]) == (
                204,
                "range",
            )
        answer = await client.get("/thing/a")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert (await client.post("/thing/a")).status_code == 405


async def test_requests_are_counted_by_the_paths_that_we_declare() -> None:
    before = counted(PATH, 200), counted(PATH, 400)
    async with asking() as client:
        await client.get("/thing/a")
        await client.head("/thing/b")
    async with asking(raising(XrpcError(400, "Wrong", "wrong"))) as client:
        await client.get("/thing/a")
    assert (counted(PATH, 200), counted(PATH, 400)) == (before[0] + 2, before[1] + 1)
    assert counted("/thing/a", 200) == 0
    assert (REGISTRY.get_sample_value("plyr_request_seconds_count", {"route": PATH}) or 0) >= 3
