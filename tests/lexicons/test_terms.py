"""Terms of time and of length: whatever a filter lets through has one that the filter asks for."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from lexicons.terms import LENGTHS, MOST_DAYS, as_long, between, of_length, of_time

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(2027, 1, 1, tzinfo=UTC)
SPANS = (timedelta(hours=1), timedelta(days=9), timedelta(days=90), timedelta(days=9_000))

moments = st.integers(0, 1_790_000_000).map(lambda number: datetime.fromtimestamp(number, UTC))
lengths = st.integers(0, 2**63 - 1) | st.integers(0, 10_000_000) | st.sampled_from(LENGTHS)


@st.composite
def spans(draw: st.DrawFn) -> tuple[datetime, datetime, datetime]:
    """A time, and a beginning and an end around it, the end excluded."""
    at, widest = draw(moments), draw(st.sampled_from(SPANS))
    before = draw(st.timedeltas(timedelta(0), widest))
    after = draw(st.timedeltas(timedelta.resolution, widest))
    return max(at - before, EARLIEST), at, min(at + after, LAST)


@given(spans())
@example((EARLIEST, datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)))
@example((EARLIEST, datetime(2026, 5, 1, tzinfo=UTC), LAST))
def test_what_is_of_a_time_has_a_term_of_it(span: tuple[datetime, datetime, datetime]) -> None:
    since, at, until = span
    terms = between(since, until)
    assert set(of_time(at)) & set(terms)
    assert len(terms) <= MOST_DAYS


def test_a_time_is_covered_by_days_months_or_years() -> None:
    begin = datetime(2025, 12, 30, 18, tzinfo=UTC)
    assert between(begin, begin) == []
    assert between(begin, begin + timedelta(hours=12)) == ["@at 2025-12-30", "@at 2025-12-31"]
    assert between(begin, datetime(2026, 3, 1, tzinfo=UTC)) == [
        "@at 2025-12",
        "@at 2026-01",
        "@at 2026-02",
    ]
    assert between(begin, LAST) == ["@at 2025", "@at 2026"]
    assert between(EARLIEST, datetime(2020, 6, 1, tzinfo=UTC)) == ["@at 2019", "@at 2020"]


@given(lengths, lengths, lengths)
def test_what_is_as_long_has_a_term_of_it(one: int, two: int, three: int) -> None:
    shortest, length, longest = sorted((one, two, three))
    for asked in ((shortest, longest), (None, longest), (shortest, None)):
        assert of_length(length) in as_long(*asked)
    if shortest < longest:
        assert not as_long(longest, shortest) or of_length(shortest) == of_length(longest)
