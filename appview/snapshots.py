"""Rankings as they were when a walk began, so that its pages neither double nor miss anything.

They live in this server's memory for an hour; a cursor to one that is gone gets `CursorExpired`.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from appview.pagination import Key, Order, bad_cursor, decode, encode
from xrpc.errors import XrpcError

LIFETIME_SECONDS = 3600.0
REUSE_SECONDS = 60.0
DEPTH = 1000
CAPACITY = 128


@dataclass(frozen=True, slots=True)
class Ranking:
    token: str
    subject: Hashable
    uris: tuple[str, ...]
    taken_at: float


@dataclass(slots=True)
class Snapshots:
    """Oldest first; bounded in rankings, and each in depth."""

    clock: Callable[[], float] = time.monotonic
    new_token: Callable[[], str] = secrets.token_urlsafe
    _by_token: OrderedDict[str, Ranking] = field(default_factory=OrderedDict)
    _newest: dict[Hashable, str] = field(default_factory=dict)

    def recent(self, subject: Hashable) -> Ranking | None:
        """One that is young enough to begin another walk with."""
        token = self._newest.get(subject)
        if token is None or self.clock() - self._by_token[token].taken_at > REUSE_SECONDS:
            return None
        return self._by_token[token]

    def find(self, token: str) -> Ranking | None:
        self._drop_expired()
        return self._by_token.get(token)

    def add(self, subject: Hashable, uris: Sequence[str]) -> Ranking:
        self._drop_expired()
        while len(self._by_token) >= CAPACITY:
            self._drop_oldest()
        ranking = Ranking(self.new_token(), subject, tuple(uris[:DEPTH]), self.clock())
        self._by_token[ranking.token] = ranking
        self._newest[subject] = ranking.token
        return ranking

    def _drop_expired(self) -> None:
        while self._by_token:
            oldest = next(iter(self._by_token.values()))
            if self.clock() - oldest.taken_at <= LIFETIME_SECONDS:
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        token, ranking = self._by_token.popitem(last=False)
        if self._newest.get(ranking.subject) == token:
            del self._newest[ranking.subject]


def find_ranking(
    snapshots: Snapshots, subject: Hashable, cursor: str | None
) -> tuple[Ranking | None, int]:
    """The ranking to go on in, and the place; None when a new one has to be taken."""
    if cursor is None:
        return snapshots.recent(subject), 0
    key = decode(Order.SNAPSHOT, cursor)
    if not 0 <= key.number < DEPTH:
        raise bad_cursor(cursor)
    ranking = snapshots.find(key.name)
    if ranking is None:
        raise XrpcError(400, "CursorExpired", "cursor: its ranking is gone; begin again")
    if ranking.subject != subject:
        raise bad_cursor(cursor)
    return ranking, key.number


def ranked_page(ranking: Ranking, place: int, limit: int) -> tuple[Sequence[str], str | None]:
    end = place + limit
    if end >= len(ranking.uris):
        return ranking.uris[place:], None
    return ranking.uris[place:end], encode(Order.SNAPSHOT, Key(end, ranking.token))
