"""Waits that are cut short, and tasks that are ended."""

import asyncio
import threading
import time

import pytest

from tests.support import wait_until
from xrpc.tasks import end, first_of, to_its_end


async def wait_for_ever(event: asyncio.Event) -> None:
    while True:
        event.clear()
        await first_of(event, 60)


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_who_is_ended_as_he_is_woken_ends(turns: int) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(wait_for_ever(event))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end([waiting])
    assert waiting.cancelled()


async def test_a_wait_ends_with_the_event_or_with_its_time() -> None:
    event = asyncio.Event()
    await first_of(event, 0)
    asyncio.get_running_loop().call_soon(event.set)
    began = time.monotonic()
    await first_of(event, 3_600)
    assert event.is_set()
    assert time.monotonic() - began < 60


async def test_who_is_cancelled_while_a_thread_works_for_him_waits_for_it() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert may_end.wait(30)
        return "done"

    working = asyncio.create_task(to_its_end(work))
    await wait_until(begun.is_set)
    working.cancel()
    await asyncio.wait([working], timeout=0.1)
    assert not working.done()
    may_end.set()
    await asyncio.wait([working])
    assert working.cancelled()
    assert await to_its_end(work) == "done"
