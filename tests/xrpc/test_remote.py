"""Calls to other servers."""

import asyncio
import time
from contextlib import suppress

import pytest

from tests.network.http import body, redirect, slow, status
from tests.network.pds import Pds
from xrpc.client import GuardedClient, Unreachable
from xrpc.remote import SMALL_ANSWER_BYTES, HostBusy, Remote, RemoteError


async def test_a_question_is_not_waited_for_as_long_as_a_download() -> None:
    """Eight such hosts would hold up the questions about everybody else."""
    pds = Pds()
    await pds.open()
    pds.faults.on("*", slow(30))
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic, query_seconds=0.1)
        async with asyncio.timeout(20):
            with pytest.raises(Unreachable, match="timeout"):
                await remote.query(pds.url, "com.atproto.sync.getRepoStatus")
    await pds.close()


async def test_a_download_that_never_begins_does_not_keep_its_turn() -> None:
    """A line of the head now and then: each read is in time, and all of them are not."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while not writer.is_closing():
                writer.write(b"x: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic, answer_seconds=0.3)
        with pytest.raises(Unreachable, match="timeout"):
            async with remote.open(url, max_bytes=1, timeout_seconds=5):
                pass


@pytest.mark.parametrize("host", ["xn--a.test", "xn--.test", "xn--a65536b.test", "xn--a..test"])
async def test_a_host_whose_name_cannot_be_read_is_unreachable(host: str) -> None:
    """What a stranger's DID document names goes through here."""
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic)
        with pytest.raises(Unreachable):
            await remote.query(f"https://{host}", "com.atproto.sync.getRepoStatus")
        with pytest.raises(Unreachable):
            async with remote.download(
                f"https://{host}", "com.atproto.sync.getRepo", (), max_bytes=1, timeout_seconds=1
            ):
                pass


async def test_a_redirect_to_a_name_that_cannot_be_read_is_not_followed() -> None:
    pds = Pds()
    await pds.open()
    pds.faults.on("*", redirect("https://xn--a.test/"))
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        with pytest.raises(Unreachable):
            await Remote(client, time.monotonic).query(pds.url, "com.atproto.sync.getRepoStatus")
    await pds.close()


async def test_a_host_that_asked_for_peace_is_not_forgotten_over_others() -> None:
    pds = Pds()
    await pds.open()
    pds.faults.on("*", status(429, {"retry-after": "60"}), times=1)
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic, hosts_remembered=2)
        for number in range(4):
            with pytest.raises(HostBusy):
                await remote.query(pds.url, "com.atproto.sync.getRepoStatus")
            with pytest.raises(Unreachable):
                await remote.query(
                    f"https://nobody{number}..test", "com.atproto.sync.getRepoStatus"
                )
    assert len(pds.asked) == 1
    await pds.close()


HOUR = "Mon, 23 Nov 2026 03:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "60", "ratelimit-reset": "1795402830", "date": HOUR}, 60),
        ({"ratelimit-reset": "1795402830", "date": HOUR}, 30),
        ({"ratelimit-reset": "1795402000", "date": HOUR}, 1),
        ({"ratelimit-reset": "99999999999999999999", "date": HOUR}, 600),
        ({"ratelimit-reset": "1795402830", "date": "today"}, 10),
        ({"retry-after": HOUR, "date": HOUR}, 10),
        ({}, 10),
    ],
    ids=["in seconds", "at a time", "past", "in ages", "no clock", "no number", "nothing"],
)
async def test_a_host_is_left_alone_for_as_long_as_it_asks(
    headers: dict[str, str], seconds: float
) -> None:
    pds = Pds()
    await pds.open()
    pds.faults.on("*", status(429, headers))
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic)
        with pytest.raises(HostBusy) as busy:
            await remote.query(pds.url, "com.atproto.sync.getRepoStatus")
    assert busy.value.seconds == seconds
    await pds.close()


async def test_a_host_that_asked_for_peace_rests_as_long_as_it_lasts() -> None:
    pds, now = Pds(), 0.0
    await pds.open()
    pds.faults.on("*", status(429, {"retry-after": "60"}))
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, lambda: now)
        with pytest.raises(HostBusy):
            await remote.query(pds.url, "com.atproto.sync.getRepoStatus")
        assert pds.url in remote.resting()
        now = 60.0
        assert remote.resting() == []
    await pds.close()


async def test_more_than_a_small_answer_is_taken_only_where_it_is_expected() -> None:
    pds = Pds()
    await pds.open()
    pds.faults.on("*", body(b"[" + b"[]," * SMALL_ANSWER_BYTES + b"[]]", "application/json"))
    async with GuardedClient(allow_private_addresses=True, user_agent="tests") as client:
        remote = Remote(client, time.monotonic)
        with pytest.raises(Unreachable, match="too-large"):
            await remote.query(pds.url, "com.atproto.sync.getRepoStatus")
        with pytest.raises(RemoteError, match="not a JSON object"):
            await remote.query(pds.url, "com.atproto.sync.listRepos", max_bytes=1 << 20)
    await pds.close()
