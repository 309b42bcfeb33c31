from dataclasses import dataclass

import pytest

from appview.snapshots import (
    CAPACITY,
    DEPTH,
    LIFETIME_SECONDS,
    REUSE_SECONDS,
    Snapshots,
    find_ranking,
    ranked_page,
)
from xrpc.errors import XrpcError


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_walk_keeps_to_the_ranking_it_began_with() -> None:
    snapshots = Snapshots()
    first = snapshots.add("top", ["a", "b", "c"])
    page, cursor = ranked_page(first, 0, 2)
    snapshots.add("top", ["c", "b", "a"])
    ranking, place = find_ranking(snapshots, "top", cursor)
    assert ranking is not None
    assert [*page, *ranked_page(ranking, place, 2)[0]] == ["a", "b", "c"]
    assert ranked_page(ranking, place, 2)[1] is None


def test_a_cursor_lives_an_hour() -> None:
    clock = Clock()
    snapshots = Snapshots(clock)
    _, cursor = ranked_page(snapshots.add("top", ["a", "b"]), 0, 1)
    clock.now = LIFETIME_SECONDS
    assert find_ranking(snapshots, "top", cursor)[0] is not None
    clock.now += 1
    with pytest.raises(XrpcError) as caught:
        find_ranking(snapshots, "top", cursor)
    assert (caught.value.status, caught.value.name) == (400, "CursorExpired")


def test_a_cursor_to_another_actors_ranking_is_refused() -> None:
    snapshots = Snapshots()
    _, cursor = ranked_page(snapshots.add("alice", ["a", "b"]), 0, 1)
    with pytest.raises(XrpcError) as caught:
        find_ranking(snapshots, "bob", cursor)
    assert caught.value.name == "InvalidRequest"


def test_walks_begun_within_a_minute_share_a_ranking() -> None:
    clock = Clock()
    snapshots = Snapshots(clock)
    ranking = snapshots.add("top", ["a"])
    clock.now = REUSE_SECONDS
    assert find_ranking(snapshots, "top", None) == (ranking, 0)
    clock.now += 1
    assert find_ranking(snapshots, "top", None) == (None, 0)


def test_memory_is_bounded_in_rankings_and_in_depth() -> None:
    snapshots = Snapshots()
    rankings = [snapshots.add(number, ["a"] * (DEPTH + 1)) for number in range(CAPACITY + 1)]
    assert len(rankings[0].uris) == DEPTH
    assert snapshots.find(rankings[0].token) is None
    assert snapshots.recent(0) is None
    assert snapshots.find(rankings[1].token) is not None
