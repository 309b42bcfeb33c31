"""Token buckets: never faster than said."""

from hypothesis import given
from hypothesis import strategies as st

from xrpc.token_bucket import TokenBucket


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=200))
def test_no_more_is_taken_than_the_burst_and_the_rate_allow(pauses: list[float]) -> None:
    bucket = TokenBucket.full(per_second=2, burst=5, now=100.0)
    now, taken = 100.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= 5 + 2 * (now - 100.0) + 1e-6


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket.full(per_second=1, burst=1, now=100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


def test_a_reservation_tells_how_long_to_wait_and_refuses_too_long() -> None:
    bucket = TokenBucket.full(per_second=2, burst=2, now=0.0)
    waits = [bucket.reserve(0.0, longest_wait=1.0) for _ in range(6)]
    assert waits == [0.0, 0.0, 0.5, 1.0, None, None]
    assert bucket.reserve(10.0, longest_wait=0.0) == 0.0
