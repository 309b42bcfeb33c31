"""Case 106: the bodies of procedure calls."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xrpc.methods import CATALOG, PING, PUT, World, asking, envelope
from xrpc.bodies import read_input
from xrpc.errors import XrpcError

JSON = {"content-type": "application/json"}
GOOD = b'{"name":"x"}'


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_body_is_parsed_by_its_lexicon() -> None:
    world = World()
    async with asking(world) as client:
        for content_type in ("application/json", "Application/JSON; charset=utf-8"):
            headers = {"content-type": content_type}
            response = await client.post(PUT, headers=headers, content=GOOD)
            assert response.json()["said"]["input"] == {"name": "x"}
        chunks = await client.post(PUT, headers=JSON, content=chunked(GOOD[:3], b"", GOOD[3:]))
        assert chunks.status_code == 200
    assert world.requests[0].input == {"name": "x"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "error"),
    [
        (b"x" * 103_425, JSON, 413, "PayloadTooLarge"),
        (chunked(b"x" * 60_000, b"x" * 60_000), JSON, 413, "PayloadTooLarge"),
        (b"", JSON, 400, "InvalidRequest"),
        (GOOD, {}, 400, "InvalidRequest"),
        (GOOD, {"content-type": "text/plain"}, 400, "InvalidRequest"),
        (GOOD, {"content-type": "application/jsonx"}, 400, "InvalidRequest"),
        (b"{", JSON, 400, "InvalidRequest"),
        (b"[]", JSON, 400, "InvalidRequest"),
        (b'{"name":7}', JSON, 400, "InvalidRequest"),
        (b'{"name":"\xff"}', JSON, 400, "InvalidRequest"),
        (b"[" * 90_000, JSON, 400, "InvalidRequest"),
        (GOOD, JSON | {"content-encoding": "foo"}, 415, "UnsupportedMediaType"),
        (GOOD, JSON | {"content-encoding": "br"}, 415, "UnsupportedMediaType"),
        (GOOD, JSON | {"content-encoding": "gzip"}, 400, "InvalidRequest"),
        (
            gzip.compress(GOOD, mtime=0)[:-9],
            JSON | {"content-encoding": "gzip"},
            400,
            "InvalidRequest",
        ),
        (gzip.compress(bytes(10**7)), JSON | {"content-encoding": "gzip"}, 413, "PayloadTooLarge"),
    ],
)
async def test_case_106_a_bad_body_is_told_what_is_wrong(
    content: bytes | AsyncIterator[bytes], headers: dict[str, str], status: int, error: str
) -> None:
    async with asking() as client:
        response = await client.post(PUT, headers=headers, content=content)
        assert envelope(response)[:2] == (status, error)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(GOOD, mtime=0)),
        ("deflate", zlib.compress(GOOD)),
        ("identity", GOOD),
        ("GZIP", gzip.compress(GOOD, mtime=0)),
    ],
)
async def test_case_106_a_compressed_body_is_unpacked(encoding: str, packed: bytes) -> None:
    async with asking() as client:
        headers = JSON | {"content-encoding": encoding}
        response = await client.post(PUT, headers=headers, content=packed)
    assert response.json()["said"]["input"] == {"name": "x"}


async def test_case_106_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    headers = JSON | {"content-encoding": "gzip"}
    async with asking() as client:
        tracemalloc.start()
        assert (await client.post(PUT, headers=headers, content=bomb)).status_code == 413
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5_000_000


async def test_case_106_a_procedure_without_input_takes_no_body() -> None:
    async with asking() as client:
        assert (await client.post(PING)).status_code == 200
        assert (await client.post(PING, content=chunked(b""))).status_code == 200
        assert envelope(await client.post(PING, headers=JSON, content=b"{}"))[0] == 400


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"", b"gzip", b"deflate"]))  # fmt: skip
@settings(max_examples=200)
async def test_any_body_is_input_or_an_xrpc_error(body: bytes, encoding: bytes) -> None:
    method = CATALOG.methods[PUT]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    headers = {b"content-type": b"application/json", b"content-encoding": encoding}
    try:
        value = await read_input(method, headers, receive)
    except XrpcError as error:
        assert error.status in {400, 413}
        return
    assert isinstance(value, dict)
