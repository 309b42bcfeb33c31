"""Rates by caller: each has their own, and an IPv6 network is one caller."""

import pytest

from lexicons.syntax import Did
from xrpc.caller_rates import CALLERS_REMEMBERED, CallerRates, caller


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_past_the_burst_is_told_how_long_to_wait() -> None:
    clock = Clock()
    rates = CallerRates(per_second=0.5, burst=2, clock=clock)
    assert [rates.take("a") for _ in range(3)] == [0, 0, 2]
    assert rates.take("b") == 0
    clock.now += 1.5
    assert rates.take("a") == 1
    clock.now += 0.5
    assert rates.take("a") == 0


def test_a_flood_of_callers_does_not_fill_the_memory() -> None:
    rates = CallerRates(per_second=1, burst=1, clock=Clock())
    for number in range(CALLERS_REMEMBERED + 10):
        assert rates.take(f"caller {number}") == 0
    assert len(rates._buckets) == CALLERS_REMEMBERED


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_stands_for_whoever_has_it(address: str, expected: str) -> None:
    assert caller(None, address) == expected


def test_a_viewer_is_the_same_wherever_they_call_from() -> None:
    alice = Did("did:plc:alice")
    assert caller(alice, "192.0.2.7") == caller(alice, "2001:db8::1") == alice
