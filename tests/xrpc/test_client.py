"""The guarded client: what it connects to, and how much it takes from there."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.xrpc.certificates import certified
from tests.xrpc.servers import (
    FakeNames,
    Request,
    always,
    http,
    open_client,
    serving,
    strict_client,
)
from xrpc.client import GuardedClient, Response, Trouble, Unreachable


async def fetch(client: GuardedClient, url: str, max_redirects: int = 0) -> Response:
    return await client.get(url, max_bytes=1_000, timeout_seconds=5.0, max_redirects=max_redirects)


async def refusal(client: GuardedClient, url: str, max_redirects: int = 0) -> Trouble:
    with pytest.raises(Unreachable) as caught:
        await fetch(client, url, max_redirects)
    return caught.value.reason


async def test_a_request_says_who_asks_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    said = http("hello", Set_Cookie="a=b", X_Thing="1")
    async with serving(always(said)) as server, open_client() as client:
        response = await fetch(client, f"{server.url}/a?b=c#d")
        await fetch(client, f"{server.url}/again")
    assert (response.status, response.body, response.headers["x-thing"]) == (200, b"hello", "1")
    assert server.paths == ["/a?b=c", "/again"]
    assert dict(server.requests[1].headers) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "tests",
        "accept": "*/*",
        "accept-encoding": "identity",
    }
    assert server.connections == 1


async def hanging_up() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


async def test_a_kept_connection_that_its_server_closes_meanwhile_costs_no_answer() -> None:
    """The request and the end of the connection cross on their way."""
    said: list[bytes | AsyncIterator[bytes]] = [http("first"), hanging_up(), http("second")]
    answers = iter(said)
    async with serving(lambda _: next(answers)) as server, open_client() as client:
        assert (await fetch(client, server.url)).body == b"first"
        assert (await fetch(client, server.url)).body == b"second"
        assert server.connections == 2


async def test_a_new_connection_that_its_server_closes_is_not_tried_again() -> None:
    async with serving(lambda _: hanging_up()) as server, open_client() as client:
        assert await refusal(client, server.url) is Trouble.PROTOCOL
        assert server.connections == 1


async def test_parameters_are_encoded_and_repeated() -> None:
    async with serving(always(http())) as server, open_client() as client:
        await client.get(
            server.url,
            max_bytes=10,
            timeout_seconds=5,
            params={"did": "did:plc:a&b", "cids": ["x", "y"]},
        )
    assert server.paths == ["/?did=did%3Aplc%3Aa%26b&cids=x&cids=y"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://0.0.0.0:{port}/",
        "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    ],
)  # fmt: skip
async def test_case_89_another_port_of_loopback_is_never_connected(url: str) -> None:
    async with serving(always(http())) as server, strict_client() as client:
        assert await refusal(client, url.format(port=server.port)) is Trouble.REFUSED_URL
        assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://169.254.169.254/latest", "https://[::1]/", "http://10.0.0.1/",
        "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[fe80::1]/",
        "http://[2002:7f00:1::]/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/",
        "http://127.1/", "http://0/", "http://127.0.0.1./", "https://ex%61mple.com/",
        "http://private.test/", "http://many.test/", "http://mapped.test/", "http://odd.test/",
    ],
)  # fmt: skip
async def test_case_89_a_private_address_is_blocked_in_every_form(url: str) -> None:
    names = FakeNames(
        {
            "private.test": ["10.0.0.1"],
            "many.test": ["127.0.0.1", "::1", "192.168.0.1", "fd00::1"],
            "mapped.test": ["::ffff:127.0.0.1"],
            "odd.test": ["fe80::1%1", "2130706433"],
        }
    )
    async with strict_client(names) as client:
        assert await refusal(client, url) is Trouble.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "example.com", "//example.com/", "https://",
        "https://user:secret@example.com/", "https://@example.com:abc/", "https://example.com:8443/",
        "gopher://example.com", "https://[v1.x]/", "https://\uff10.\uff10.0.0/", "http:///x", "http://0177.0.0.1/",
        "https://example.com:5432/", "https://example.com:0/", "https://x/" + "a" * 9_000, "\0",
    ],
)  # fmt: skip
async def test_a_url_with_anything_unusual_is_refused(url: str) -> None:
    async with strict_client(FakeNames({"example.com": ["1.1.1.1"]})) as client:
        assert await refusal(client, url) is Trouble.REFUSED_URL


async def test_only_the_public_addresses_of_a_name_are_kept() -> None:
    names = FakeNames({"mixed.test": ["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1", "1.0.0.1"]})
    async with strict_client(names) as client:
        found = await client.checked_addresses("mixed.test", 443)
        assert found == ["1.1.1.1", "2606:4700::1", "1.0.0.1"]


async def test_the_name_is_looked_up_once_and_the_checked_address_is_used() -> None:
    async with serving(always(http("here"))) as server:
        names = FakeNames({"pds.test": ["127.0.0.1"]})
        async with open_client(names) as client:
            response = await fetch(client, f"http://pds.test:{server.port}/")
    assert response.body == b"here"
    assert server.requests[0].headers["host"] == f"pds.test:{server.port}"
    assert names.asked == ["pds.test"]


async def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    async with serving(always(http("here"))) as server:
        names = FakeNames({"pds.test": ["127.0.0.2", "::1", "127.0.0.1"]})
        async with open_client(names) as client:
            url = f"http://pds.test:{server.port}/"
            assert (await fetch(client, url)).body == b"here"


async def test_an_operators_origin_may_be_private_and_a_strangers_beside_it_may_not() -> None:
    async with serving(always(http("directory"))) as server, serving(always(http())) as other:
        async with strict_client(FakeNames(), server.url) as client:
            assert (await fetch(client, f"{server.url}/did:plc:x")).body == b"directory"
            assert await refusal(client, other.url) is Trouble.REFUSED_URL
        async with strict_client() as client:
            trusting = client.trusting(server.url)
            assert (await fetch(trusting, server.url)).body == b"directory"
            assert await refusal(client, server.url) is Trouble.REFUSED_URL
        assert other.connections == 0


async def test_case_89_a_redirect_of_a_trusted_host_is_checked_like_a_strangers() -> None:
    async with serving(always(http("secret"))) as inner:

        def answer(_: Request) -> bytes:
            return http(status=302, Location=f"{inner.url}/admin")

        async with serving(answer) as server, strict_client(FakeNames(), server.url) as client:
            assert await refusal(client, server.url, max_redirects=3) is Trouble.REFUSED_URL
        assert inner.connections == 0


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://10.0.0.1/", Trouble.BLOCKED_ADDRESS),
        ("//169.254.169.254/x", Trouble.BLOCKED_ADDRESS),
        ("http://private.test/", Trouble.BLOCKED_ADDRESS),
        ("http://user:secret@public.test/", Trouble.REFUSED_URL),
        ("file:///etc/passwd", Trouble.REFUSED_URL),
        ("http://[::1", Trouble.REDIRECT),
    ],
)
async def test_case_89_every_hop_is_checked(location: str, reason: Trouble) -> None:
    names = FakeNames({"private.test": ["127.0.0.1"], "public.test": ["1.1.1.1"]})
    async with (
        serving(always(http(status=307, Location=location))) as server,
        strict_client(names, server.url) as client,
    ):
        assert await refusal(client, server.url, max_redirects=3) is reason
        assert server.paths == ["/"]


async def test_redirects_are_counted_and_followed_only_when_asked_for() -> None:
    def answer(request: Request) -> bytes:
        number = int(request.path[1:] or 0)
        return http(status=302, Location=f"/{number + 1}") if number < 3 else http("end")

    async with serving(answer) as server, open_client() as client:
        assert (await fetch(client, server.url)).status == 302
        assert (await fetch(client, server.url, max_redirects=3)).body == b"end"
        assert await refusal(client, server.url, max_redirects=2) is Trouble.REDIRECT


async def test_headers_given_for_one_host_do_not_follow_to_another() -> None:
    async with serving(always(http("end"))) as second:
        moved = http(status=302, Location=second.url)
        async with serving(always(moved)) as first, open_client() as client:
            await client.get(
                first.url,
                max_bytes=10,
                timeout_seconds=5,
                max_redirects=1,
                headers={"authorization": "Bearer x"},
            )
    assert first.requests[0].headers["authorization"] == "Bearer x"
    assert "authorization" not in second.requests[0].headers


async def test_https_never_becomes_http(tmp_path: Path) -> None:
    theirs, ours = certified("pds.test", tmp_path)
    names = FakeNames({"pds.test": ["127.0.0.1"]})
    async with (
        serving(always(http("plain"))) as plain,
        serving(always(http(status=302, Location=plain.url)), theirs) as secure,
        open_client(names, ours) as client,
    ):
        url = f"https://pds.test:{secure.port}/"
        assert await refusal(client, url, max_redirects=3) is Trouble.REDIRECT
        assert plain.connections == 0


async def test_the_certificate_must_be_the_hosts_own(tmp_path: Path) -> None:
    theirs, ours = certified("pds.test", tmp_path)
    names = FakeNames({"pds.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})
    async with serving(always(http("x")), theirs) as server:
        async with open_client(names, ours) as client:
            good = await fetch(client, f"https://pds.test:{server.port}/")
            assert good.body == b"x"
            reason = await refusal(client, f"https://other.test:{server.port}/")
            assert reason is Trouble.TLS
        async with open_client(names) as client:
            reason = await refusal(client, f"https://pds.test:{server.port}/")
            assert reason is Trouble.TLS


async def test_a_body_past_the_bound_is_refused_before_and_while_it_is_read() -> None:
    async def endless(_: Request) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for _number in range(10_000):
            yield b"100\r\n" + b"x" * 256 + b"\r\n"

    async with serving(always(http(b"x" * 1_001))) as server, open_client() as client:
        assert await refusal(client, server.url) is Trouble.TOO_LARGE
    async with serving(endless) as server, open_client() as client:
        assert await refusal(client, server.url) is Trouble.TOO_LARGE
    async with serving(always(http(b"x" * 1_000))) as server, open_client() as client:
        assert len((await fetch(client, server.url)).body) == 1_000


async def test_a_bomb_is_not_unpacked() -> None:
    bomb = http(gzip.compress(bytes(10**7)), Content_Encoding="gzip")
    async with serving(always(bomb)) as server, open_client() as client:
        with pytest.raises(Unreachable, match="content-encoding"):
            await client.get(server.url, max_bytes=10**6, timeout_seconds=5)


@pytest.mark.parametrize("drip_headers", [True, False])
async def test_a_body_that_drips_is_cut_off_by_the_total_time(drip_headers: bool) -> None:
    async def dripping(_: Request) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        if not drip_headers:
            yield b"Content-Length: 900\r\n\r\n"
        for number in range(900):
            yield b"x" if not drip_headers else b"x-%d: y\r\n" % number
            await asyncio.sleep(0.01)

    async with serving(dripping) as server, open_client() as client:
        with pytest.raises(Unreachable) as caught:
            await client.get(server.url, max_bytes=1_000, timeout_seconds=0.2)
    assert caught.value.reason is Trouble.TIMEOUT


async def test_a_name_server_that_never_answers_is_cut_off_too() -> None:
    class Silent(FakeNames):
        async def addresses(self, host: str) -> list[str]:
            await asyncio.Event().wait()
            return [host]

    async with strict_client(Silent()) as client:
        with pytest.raises(Unreachable) as caught:
            await client.get("https://pds.test", max_bytes=1, timeout_seconds=0.05)
        assert caught.value.reason is Trouble.TIMEOUT
        with pytest.raises(Unreachable) as caught:
            await client.open_socket("pds.test", 443, 0.05)
        assert caught.value.reason is Trouble.TIMEOUT


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xfe nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"",
    ],
)
async def test_a_malformed_answer_is_a_protocol_error(said: bytes) -> None:
    async def once(_: Request) -> AsyncIterator[bytes]:
        yield said

    async with serving(once) as server, open_client() as client:
        assert await refusal(client, server.url) in {Trouble.PROTOCOL, Trouble.CONNECT}


async def test_what_is_not_there_is_told_apart() -> None:
    names = FakeNames({"closed.test": ["127.0.0.1"], "trouble.test": None})
    async with serving(always(http())) as server:
        port = server.port
    async with open_client(names) as client:
        assert await refusal(client, f"http://closed.test:{port}/") is Trouble.CONNECT
        assert await refusal(client, "http://nowhere.test/") is Trouble.NO_SUCH_HOST
        assert await refusal(client, "http://trouble.test/") is Trouble.DNS


async def test_a_stream_gives_chunks_and_lets_go_when_left_early() -> None:
    async def long(_: Request) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        for _number in range(600):
            yield b"x" * 1_000

    async with serving(long) as server, open_client() as client:
        async with client.stream(server.url, max_bytes=10**6, timeout_seconds=5) as streamed:
            assert streamed.peer == "127.0.0.1"
            assert streamed.status == 200
            total = sum([len(chunk) async for chunk in streamed.chunks()])
        assert total == 600_000
        async with client.stream(server.url, max_bytes=10**6, timeout_seconds=5) as streamed:
            async for _ in streamed.chunks():
                break
        async with client.stream(server.url, max_bytes=10**5, timeout_seconds=5) as streamed:
            with pytest.raises(Unreachable):
                _ = [chunk async for chunk in streamed.chunks()]
    assert server.connections == 3


async def test_a_socket_opens_only_to_a_checked_address() -> None:
    async with serving(always(http("x"))) as server:
        async with strict_client(FakeNames({"relay.test": ["127.0.0.1"]})) as client:
            for host, port in (("127.0.0.1", server.port), ("relay.test", 443), ("10.0.0.1", 80)):
                with pytest.raises(Unreachable):
                    await client.open_socket(host, port, 5.0)
        assert server.connections == 0
        async with strict_client(FakeNames(), f"ws://127.0.0.1:{server.port}") as client:
            connection = await client.open_socket("127.0.0.1", server.port, 5.0)
            assert connection.getpeername() == ("127.0.0.1", server.port)
            connection.close()
