"""Places for answers that are being taken in: so many in all, so many for one address.

A host has as many names as it likes, and a name for each blob; its address it has to have. Where
others wait, whoever gives least gives way, so that who holds places has to pay for them in bytes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

FILLS_AT_ONCE: Final = 32
FILLS_PER_PEER: Final = 8
# Nobody has to give way before that; nor who gives what a listener needs, or where it is our own
# line that is full nothing would ever come to its end. But few addresses must not have all places.
LEAST_SECONDS: Final = 3.0
PLENTY_A_SECOND: Final = 64 << 10
LOOK_SECONDS: Final = 0.25


class GaveWay(Exception):
    """Others waited for the place."""


@dataclass(slots=True, eq=False)
class _Taken:
    peer: str
    received: Callable[[], int]
    since: float
    limit: asyncio.Timeout
    is_going: bool = False

    def bytes_a_second(self, now: float) -> float:
        return self.received() / max(now - self.since, 0.001)


@dataclass(slots=True, eq=False)
class _Waiting:
    peer: str
    turn: "asyncio.Future[None]"


@dataclass(slots=True)
class Slots:
    total: int = FILLS_AT_ONCE
    per_peer: int = FILLS_PER_PEER
    least_seconds: float = LEAST_SECONDS
    _of_peer: Counter[str] = field(default_factory=Counter)
    # Of those who hold places or wait for more: their last turn.
    _last_turn: dict[str, int] = field(default_factory=dict)
    _turns: int = 0
    _taken: list[_Taken] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)

    @asynccontextmanager
    async def taken(self, peer: str, received: Callable[[], int]) -> AsyncIterator[None]:
        """`received`: how many bytes have come so far. Raises GaveWay within."""
        await self._turn(peer)
        limit = asyncio.timeout(None)
        try:
            async with limit:
                one = _Taken(peer, received, asyncio.get_running_loop().time(), limit)
                self._taken.append(one)
                try:
                    yield
                finally:
                    self._taken.remove(one)
        except TimeoutError as error:
            if limit.expired():
                raise GaveWay from error
            raise
        finally:
            self._give_back(peer)

    async def _turn(self, peer: str) -> None:
        waiting = _Waiting(peer, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._let_in()
        try:
            while not waiting.turn.done():
                self._call_on_slowest(peer)
                await asyncio.wait({waiting.turn}, timeout=LOOK_SECONDS)
        except asyncio.CancelledError:
            if waiting.turn.done():
                self._give_back(peer)
            else:
                self._waiting.remove(waiting)
                self._forget_if_gone(peer)
            raise

    def _let_in(self) -> None:
        """First whose address has the fewest places, and has been let in longest ago."""
        while self._of_peer.total() < self.total:
            fitting = [one for one in self._waiting if self._of_peer[one.peer] < self.per_peer]
            if not fitting:
                return
            first = min(fitting, key=self._rank)
            self._waiting.remove(first)
            self._turns += 1
            self._last_turn[first.peer] = self._turns
            self._of_peer[first.peer] += 1
            first.turn.set_result(None)

    def _rank(self, one: _Waiting) -> tuple[int, int]:
        return self._of_peer[one.peer], self._last_turn.get(one.peer, 0)

    def _give_back(self, peer: str) -> None:
        self._of_peer[peer] -= 1
        self._forget_if_gone(peer)
        self._let_in()

    def _forget_if_gone(self, peer: str) -> None:
        if not self._of_peer[peer]:
            del self._of_peer[peer]
            if all(one.peer != peer for one in self._waiting):
                self._last_turn.pop(peer, None)

    def _call_on_slowest(self, peer: str) -> None:
        """Of those of the address where that has as many as it may have, else of all.

        Who gives plenty has to go where his address has so many more that it still has no fewer.
        """
        now = asyncio.get_running_loop().time()
        is_own = self._of_peer[peer] >= self.per_peer
        held = [one for one in self._taken if one.peer == peer or not is_own]
        waiting = sum(one.peer == peer or not is_own for one in self._waiting)
        going = sum(one.is_going for one in held)
        if going >= waiting:
            return
        fair = self.total if going else self._of_peer[peer] + 1  # who goes is counted still
        slow = [
            one
            for one in held
            if not one.is_going
            and now - one.since >= self.least_seconds
            and (one.bytes_a_second(now) < PLENTY_A_SECOND or self._of_peer[one.peer] > fair)
        ]
        if slow:
            slowest = min(slow, key=lambda one: one.bytes_a_second(now))
            slowest.is_going = True
            slowest.limit.reschedule(now)
