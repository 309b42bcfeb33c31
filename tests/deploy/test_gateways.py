"""What docs/deploy promises of the balancers, asked of them with real requests."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import websockets

from tests.deploy.gateways import Backend, Gateway, caddy, nginx, running_backend

Start = Callable[[Backend, Path], AbstractAsyncContextManager[Gateway]]


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[Backend]:
    async with running_backend() as running:
        yield running


@pytest_asyncio.fixture(params=[caddy, nginx], ids=["caddy", "nginx"])
async def gateway(
    request: pytest.FixtureRequest, backend: Backend, tmp_path: Path
) -> AsyncIterator[Gateway]:
    start: Start = request.param
    async with start(backend, tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, verify=trust(gateway)) as opened:
        yield opened


def trust(gateway: Gateway) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=gateway.certificate)


async def test_a_websocket_is_carried(gateway: Gateway) -> None:
    url = gateway.url.replace("http", "ws", 1) + "/echo"
    context = trust(gateway) if url.startswith("wss") else None
    async with websockets.connect(url, ssl=context, proxy=None) as socket:
        await socket.send(b"\x00\xff")
        assert await socket.recv() == b"\x00\xff"


async def test_an_event_arrives_before_the_next_is_sent(
    backend: Backend, client: httpx.AsyncClient
) -> None:
    async with client.stream("GET", "/events") as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "data: one"
        backend.second_event.set()
        assert [line async for line in lines] == ["", "data: two", ""]


async def test_a_range_request_and_its_answer_pass_as_they_are(client: httpx.AsyncClient) -> None:
    asked = {"range": "bytes=5-9", "if-range": '"etag"', "accept-encoding": "gzip"}
    response = await client.get("/tell", headers=asked)
    got = response.json()["headers"]
    assert {name: got[name] for name in asked} == asked
    assert response.status_code == 206
    assert response.headers["content-range"] == "bytes 5-9/100"
    assert "content-encoding" not in response.headers


async def test_head_stays_head(client: httpx.AsyncClient) -> None:
    response = await client.head("/tell")
    assert response.headers["x-got-method"] == "HEAD"
    assert int(response.headers["content-length"]) > 0
    assert response.content == b""


async def test_the_caller_is_named_and_cannot_name_another(client: httpx.AsyncClient) -> None:
    response = await client.get("/tell", headers={"x-forwarded-for": "203.0.113.7"})
    assert response.json()["headers"]["x-forwarded-for"] == "127.0.0.1"


async def test_fifty_uris_fit_in_a_query(client: httpx.AsyncClient) -> None:
    uri = f"at://did:web:{'a' * 63}.example.com/fm.plyr.track/3jzfcijpj2z2a"
    response = await client.get("/tell", params={"uris": [uri] * 50})
    assert response.json()["url"].count("did%3Aweb") == 50


async def test_browsers_are_told_to_stay_on_https(client: httpx.AsyncClient) -> None:
    response = await client.get("/tell")
    assert response.headers["strict-transport-security"].startswith("max-age=")
