"""Places that are given up when others wait: what the slow can do, and what they cannot."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support import wait_until
from xrpc.places import Places
from xrpc.tasks import end


@asynccontextmanager
async def holding(places: Places, count: int) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """So many who have one for ever, each longer than the next."""
    held: list[asyncio.Task[None]] = []

    async def hold() -> None:
        async with places.taken():
            await asyncio.Event().wait()

    for _ in range(count):
        held.append(asyncio.create_task(hold()))
        await asyncio.sleep(0)
    try:
        yield held
    finally:
        await end(held)


async def pass_through(places: Places) -> None:
    async with places.taken():
        pass


async def test_who_has_held_a_place_for_longest_gives_it_up_for_one_who_waits() -> None:
    places = Places(3, 0.0)
    async with holding(places, 3) as held:
        await pass_through(places)
        with pytest.raises(TimeoutError):
            await held[0]
        assert [one.done() for one in held] == [True, False, False]
        await asyncio.gather(*(pass_through(places) for _ in range(10)))
        assert [one.done() for one in held] == [True, False, False], "one place is enough for them"


async def test_while_nobody_waits_a_place_is_held_for_ever() -> None:
    places = Places(2, 0.0)
    async with holding(places, 2) as held:
        await asyncio.wait(held, timeout=0.05)
        assert not any(one.done() for one in held)


async def test_nobody_gives_way_at_once_nor_when_it_is_needed_no_more() -> None:
    places = Places(1, 0.2)
    async with holding(places, 1) as (held,):
        leaving = asyncio.create_task(pass_through(places))
        await asyncio.sleep(0)
        await end([leaving])
        await asyncio.wait([held], timeout=0.4)
        assert not held.done()
        await pass_through(places)
        with pytest.raises(TimeoutError):
            await held


async def test_those_who_wait_come_one_after_the_other_however_many_never_end() -> None:
    places, order = Places(4, 0.0), list[int]()

    async def come(number: int) -> None:
        async with places.taken():
            order.append(number)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(come(number)) for number in range(50)]
    await wait_until(lambda: len(order) == 50)
    assert order == list(range(50))
    await wait_until(lambda: sum(one.done() for one in tasks) == 46)
    assert not any(one.done() for one in tasks[-4:])
    await end(tasks)


async def test_who_leaves_while_it_waits_takes_no_place_along() -> None:
    places = Places(1, 30.0)
    async with holding(places, 1) as (held,):
        waiting = [asyncio.create_task(pass_through(places)) for _ in range(5)]
        await asyncio.sleep(0)
        await end(waiting)
        await end([held])
    async with asyncio.timeout(10):
        await pass_through(places)


async def test_what_goes_wrong_inside_is_told_as_it_is() -> None:
    places = Places(1, 0.0)
    with pytest.raises(KeyError):
        async with places.taken():
            raise KeyError
    await pass_through(places)


async def test_who_comes_moves_nobody_elses_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or thousands who wait would keep everybody busy with timers."""
    loop, timers = asyncio.get_running_loop(), list[float]()
    call_at = loop.call_at

    def counted(when: float, *args: Any, **how: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return call_at(when, *args, **how)

    monkeypatch.setattr(loop, "call_at", counted)
    places = Places(50, 30.0)
    async with holding(places, 50):
        waiting = [asyncio.create_task(pass_through(places)) for _ in range(500)]
        await asyncio.sleep(0)
        assert len(timers) == 50
        await end(waiting)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_becomes_of_them_all_places_are_free_in_the_end(seed: int) -> None:
    chance, places, held = random.Random(seed), Places(3, 0.002), Counter[str]()

    async def come() -> None:
        async with places.taken():
            held["now"] += 1
            held["most"] = max(held["most"], held["now"])
            try:
                await asyncio.sleep(chance.choice((0, 0, 0.001, 30)))
            finally:
                held["now"] -= 1

    tasks = []
    for _ in range(100):
        tasks.append(asyncio.create_task(come()))
        if chance.random() < 0.3:
            chance.choice(tasks).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.choice((0, 0.001)))
    await wait_until(lambda: sum(not one.done() for one in tasks) <= 3)
    await end(tasks)
    assert held["now"] == 0
    assert held["most"] <= 3
    async with holding(places, 3) as three:
        assert not any(one.done() for one in three)
        fourth = asyncio.create_task(pass_through(places))
        await asyncio.sleep(0)
        assert not fourth.done()
        await end([fourth])
