"""Repos of which a frame was refused before it was proven: what it hid shows in their next commit.

So that nobody waits for that, their host is asked what its last commit is. Whoever can put frames
on a relay can cause doubts: of each repo there is one at a time, looked into once an hour, and as
often written down, with the cursor that passes the frame. A restart looks anew, and sooner.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

from lexicons.syntax import Did

LOOK_AFTER_SECONDS = 30.0
REST_SECONDS = 3600.0
AT_MOST = 10_000


@dataclass(slots=True)
class Doubts:
    clock: Callable[[], float] = time.monotonic
    # By DID, when to look; and until when not to look again.
    _due: dict[Did, float] = field(default_factory=dict)
    _resting: dict[Did, float] = field(default_factory=dict)
    _unwritten: set[Did] = field(default_factory=set)

    @classmethod
    def remembered(cls, dids: Iterable[Did]) -> Self:
        doubts = cls()
        for did in dids:
            doubts.note(did)
        doubts.take_unwritten()
        return doubts

    def note(self, did: Did) -> None:
        now = self.clock()
        while self._resting and next(iter(self._resting.values())) <= now:
            del self._resting[next(iter(self._resting))]
        is_full = len(self._due) >= AT_MOST
        if did not in self._resting:
            is_full |= len(self._resting) >= AT_MOST
        if did not in self._due and not is_full:
            soon = now + LOOK_AFTER_SECONDS
            self._due[did] = max(soon, self._resting.get(did, soon))
            self._unwritten.add(did)

    def take_unwritten(self) -> set[Did]:
        taken, self._unwritten = self._unwritten, set()
        return taken

    def __contains__(self, did: Did) -> bool:
        return did in self._due

    def due(self, besides: Collection[Did]) -> list[Did]:
        """Those to look into, the longest due first."""
        now = self.clock()
        due = [did for did, at in self._due.items() if at <= now and did not in besides]
        return sorted(due, key=self._due.__getitem__)

    def put_off(self, did: Did) -> None:
        """It cannot be told yet, and nobody was asked."""
        self._due[did] = self.clock() + LOOK_AFTER_SECONDS

    def drop(self, did: Did) -> None:
        del self._due[did]

    def begin_look(self, did: Did) -> None:
        """What is refused from now on is a doubt of its own, for later."""
        self.drop(did)
        self._resting.pop(did, None)  # in the order in which they end
        self._resting[did] = self.clock() + REST_SECONDS
