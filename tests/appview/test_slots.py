"""Places for blobs on their way: who holds them, and who has to let go when others wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from appview.media.slots import LOOK_SECONDS, PLENTY_A_SECOND, GaveWay, Slots
from tests.support import wait_until
from xrpc.tasks import end, first_of


@dataclass(slots=True)
class Fills:
    """Those that go on for ever, each by its address and a number."""

    slots: Slots
    begun: list[str] = field(default_factory=list)
    gave_way: list[str] = field(default_factory=list)
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def add(self, name: str, received: int = 0) -> None:
        self.tasks[name] = asyncio.create_task(self._fill(name, received))

    async def _fill(self, name: str, received: int) -> None:
        try:
            async with self.slots.taken(name.partition(" ")[0], lambda: received):
                self.begun.append(name)
                await asyncio.Event().wait()
        except GaveWay:
            self.gave_way.append(name)


@asynccontextmanager
async def fills(total: int, per_peer: int, least_seconds: float) -> AsyncIterator[Fills]:
    made = Fills(Slots(total, per_peer, least_seconds))
    try:
        yield made
    finally:
        await end(made.tasks.values())
        assert not made.slots._of_peer
        assert not made.slots._last_turn
        assert not made.slots._waiting
        assert not made.slots._taken


async def a_while() -> None:
    """For who would have been called on by then."""
    await first_of(asyncio.Event(), 3 * LOOK_SECONDS)


@pytest.mark.parametrize("least_seconds", [0.0, 600.0])
async def test_one_address_holds_some_of_the_places_under_however_many_names(
    least_seconds: float,
) -> None:
    async with fills(3, 2, least_seconds) as made:
        for number in range(5):
            made.add(f"a {number}")
        await wait_until(lambda: len(made.begun) >= 2)
        made.add("b 0", 1)
        await wait_until(lambda: "b 0" in made.begun)
        held = set(made.begun) - set(made.gave_way)
        assert sum(name.startswith("a") for name in held) <= 2


async def test_who_has_given_least_lets_go_for_who_waits() -> None:
    async with fills(3, 3, 0.2) as made:
        for name, received in (("a 0", 900), ("a 1", 10), ("a 2", 500)):
            made.add(name, received)
        made.add("b 0", 700)
        await wait_until(lambda: "b 0" in made.begun)
        assert made.gave_way == ["a 1"]
        await a_while()
        assert made.gave_way == ["a 1"], "nobody waits any more"


async def test_who_gives_plenty_stays_and_so_does_who_has_just_begun() -> None:
    async with fills(2, 2, 0.0) as made:
        made.add("a 0", PLENTY_A_SECOND * 10_000)
        made.add("b 0", PLENTY_A_SECOND * 10_000)
        made.add("c 0")
        await a_while()
        assert (made.begun, made.gave_way) == (["a 0", "b 0"], [])
    async with fills(2, 2, 600.0) as made:
        for name in ("a 0", "b 0", "c 0"):
            made.add(name)
        await a_while()
        assert (made.begun, made.gave_way) == (["a 0", "b 0"], [])


async def test_few_addresses_cannot_keep_all_the_places_by_giving_plenty() -> None:
    """That much is cheap: each has to share with who has fewer, and nobody with who has as many."""
    async with fills(4, 4, 0.0) as made:
        for number in range(8):
            made.add(f"a {number}", PLENTY_A_SECOND * 10_000)
        await wait_until(lambda: len(made.begun) == 4)
        for number in range(8):
            made.add(f"b {number}", PLENTY_A_SECOND * 10_000)
        await wait_until(lambda: len(made.gave_way) == 2)
        await a_while()
        assert made.slots._of_peer == {"a": 2, "b": 2}
        assert len(made.begun) == 6, "nobody is let in to be cut off again"


async def test_an_address_that_has_all_it_may_have_lets_go_of_its_own() -> None:
    async with fills(5, 2, 0.2) as made:
        for name, received in (("b 0", 0), ("a 0", 100), ("a 1", 900), ("a 2", 900)):
            made.add(name, received)
        await wait_until(lambda: "a 2" in made.begun)
        assert made.gave_way == ["a 0"]


async def test_the_address_with_the_fewest_places_comes_first() -> None:
    async with fills(4, 4, 0.2) as made:
        for number in range(20):
            made.add(f"a {number}", 1)
        await wait_until(lambda: len(made.begun) == 4)
        made.add("b 0", 2)
        await wait_until(lambda: "b 0" in made.begun)
        assert len(made.begun) <= 8, "not behind all that had waited before"


async def test_who_has_had_no_turn_comes_before_those_who_had_one() -> None:
    async with fills(4, 1, 0.2) as made:
        for number in range(40):
            made.add(f"{'abcd'[number % 4]} {number}", 1)
        await wait_until(lambda: len(made.begun) == 4)
        made.add("e 0", 2)
        await wait_until(lambda: "e 0" in made.begun)
        assert len(made.begun) <= 8


async def test_who_leaves_while_it_waits_takes_no_place_along() -> None:
    async with fills(1, 1, 600.0) as made:
        made.add("a 0")
        for number in range(5):
            made.add(f"b {number}")
        await wait_until(lambda: len(made.slots._waiting) == 5)
        await end([made.tasks[f"b {number}"] for number in range(4)])
        await end([made.tasks["a 0"]])
        await wait_until(lambda: "b 4" in made.begun)


async def test_who_leaves_is_forgotten() -> None:
    async with fills(1, 1, 600.0) as made:
        made.add("a 0")
        await wait_until(lambda: made.begun)
        made.add("b 0")
        made.add("a 1")
        await wait_until(lambda: len(made.slots._waiting) == 2)
        await end([made.tasks["a 0"]])
        await wait_until(lambda: "b 0" in made.begun)
        assert set(made.slots._last_turn) == {"a", "b"}
        await end([made.tasks["a 1"]])
        assert set(made.slots._last_turn) == {"b"}


async def test_whoever_is_let_in_and_leaves_at_that_moment_gives_the_place_back() -> None:
    async with fills(1, 1, 600.0) as made:
        made.add("a 0")
        await wait_until(lambda: made.begun)
        made.add("b 0")
        made.add("c 0")
        await wait_until(lambda: len(made.slots._waiting) == 2)
        made.tasks["a 0"].cancel()
        await wait_until(lambda: made.slots._of_peer["b"], longest_pause=0)
        made.tasks["b 0"].cancel()
        await wait_until(lambda: "c 0" in made.begun)


async def test_another_timeout_within_is_no_giving_way() -> None:
    slots = Slots(1, 1)
    with pytest.raises(TimeoutError):
        async with slots.taken("a", lambda: 0):
            raise TimeoutError
