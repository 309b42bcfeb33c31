"""Hosts that accept a connection and never answer, under more names than there are places."""

import asyncio

import pytest

from lexicons.syntax import Did, Handle
from tests.support import wait_until
from tests.xrpc.people import ALICE, World, document
from tests.xrpc.servers import FakeNames, http, serving
from tests.xrpc.tarpits import FRIEND, staged
from xrpc.client import LEAST_SECONDS, UNANSWERED_AT_ONCE, Unreachable
from xrpc.identity import IdentityResolver

TARPITS = UNANSWERED_AT_ONCE + 40


async def test_hosts_that_never_answer_leave_a_place_to_one_that_does() -> None:
    async with staged(TARPITS) as stage:
        ask = stage.client.get
        for number in range(TARPITS):
            asking = ask(f"https://t{number}.evil.com/", max_bytes=9, timeout_seconds=600)
            stage.held.append(asyncio.create_task(asking))
        await asyncio.sleep(0)
        answer = await ask("https://friend.com/", max_bytes=99, timeout_seconds=20)
        assert answer.status == 200
        assert stage.waiting >= UNANSWERED_AT_ONCE - 1, "only those in the way had to go"
        failed = [one.exception() for one in stage.held if one.done()]
        assert failed
        assert all(isinstance(one, Unreachable) for one in failed)


async def test_hosts_that_are_slow_are_waited_for_as_long_as_nobody_else_waits() -> None:
    async with staged(TARPITS) as stage:
        for number in range(UNANSWERED_AT_ONCE - 1):
            url = f"https://t{number}.evil.com/"
            asking = stage.client.get(url, max_bytes=9, timeout_seconds=600)
            stage.held.append(asyncio.create_task(asking))
        await asyncio.wait(stage.held, timeout=LEAST_SECONDS + 0.5)
        await stage.client.get("https://friend.com/", max_bytes=99, timeout_seconds=20)
        assert stage.waiting == UNANSWERED_AT_ONCE - 1


async def test_hosts_that_begin_to_answer_and_never_end_leave_their_places_as_well() -> None:
    """They hold as many connections; there are not enough for all the names of a stranger."""
    async with staged(TARPITS, said=http(b"12345678")[:-1]) as stage:
        for number in range(TARPITS):
            asking = stage.client.get(
                f"https://t{number}.evil.com/", max_bytes=9, timeout_seconds=600
            )
            stage.held.append(asyncio.create_task(asking))
        await wait_until(lambda: stage.waiting <= UNANSWERED_AT_ONCE)
        answer = await stage.client.get("https://friend.com/", max_bytes=99, timeout_seconds=20)
        assert answer.status == 200
        assert stage.waiting >= UNANSWERED_AT_ONCE - 1, "only those in the way had to go"


@pytest.mark.parametrize("kind", ["documents", "handles"])
async def test_domains_that_never_answer_hold_up_no_other_identity(kind: str) -> None:
    world = World()
    world.documents[ALICE] = document(ALICE)
    async with (
        staged(TARPITS) as stage,
        serving(world.answer) as plc,
        IdentityResolver(stage.client, plc.url, names=FakeNames()) as resolver,
    ):
        for number in range(TARPITS):
            name = f"t{number}.evil.com"
            asking = (
                resolver.resolve(Did(f"did:web:{name}"))
                if kind == "documents"
                else resolver.resolve_handle(Handle(name))
            )
            stage.held.append(asyncio.create_task(asking))
        await wait_until(lambda: len(resolver._flights._tasks) >= TARPITS)
        await resolver.resolve(ALICE)
        assert stage.waiting == TARPITS
        assert (await resolver.resolve(FRIEND)).key is not None
        assert await resolver.resolve_handle(Handle("friend.com")) == ALICE
        assert stage.waiting > TARPITS / 2
