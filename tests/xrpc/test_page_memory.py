"""The memory of hot pages: for how long, and how much."""

import asyncio

from xrpc.page_memory import PageMemory
from xrpc.replies import Page


class Maker:
    def __init__(self, size: int = 10) -> None:
        self.made = 0
        self.size = size

    async def __call__(self) -> Page:
        self.made += 1
        return Page(b"x" * self.size)


async def test_a_page_is_kept_for_its_time_and_no_longer() -> None:
    now, maker = [0.0], Maker()
    memory = PageMemory(lambda: now[0])
    first = await memory.get_or_make("a", 1.0, maker)
    now[0] = 0.99
    assert await memory.get_or_make("a", 1.0, maker) is first
    now[0] = 1.0
    assert await memory.get_or_make("a", 1.0, maker) is not first
    assert maker.made == 2


async def test_a_page_that_took_long_to_make_is_as_old_as_its_making() -> None:
    now, maker = [0.0], Maker()
    memory = PageMemory(lambda: now[0])

    async def slowly() -> Page:
        now[0] = 5.0
        return await maker()

    await memory.get_or_make("a", 1.0, slowly)
    await memory.get_or_make("a", 1.0, maker)
    assert maker.made == 2


async def test_the_memory_is_bounded_in_bytes() -> None:
    maker = Maker(size=4_000)
    memory = PageMemory(lambda: 0.0, max_bytes=50_000)
    for number in range(20):
        await memory.get_or_make(number, 1.0, maker)
    kept = [number for number in range(20) if memory.get(number) is not None]
    assert kept == [15, 16, 17, 18, 19]
    await memory.get_or_make("huge", 1.0, Maker(size=100_000))
    assert memory.get("huge") is None
    await memory.get_or_make("long " * 20_000, 1.0, maker)
    assert memory.get("long " * 20_000) is None


async def test_a_client_that_gives_up_does_not_take_the_page_from_the_others() -> None:
    memory, maker, going_on = PageMemory(lambda: 0.0), Maker(), asyncio.Event()

    async def slowly() -> Page:
        await going_on.wait()
        return await maker()

    first = asyncio.ensure_future(memory.get_or_make("a", 1.0, slowly))
    second = asyncio.ensure_future(memory.get_or_make("a", 1.0, slowly))
    await asyncio.sleep(0)
    first.cancel()
    going_on.set()
    assert (await second).body == b"x" * 10
    assert maker.made == 1
