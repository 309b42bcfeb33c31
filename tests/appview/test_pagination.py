from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appview.pagination import (
    EARLIEST,
    LATEST,
    Key,
    Order,
    decode,
    encode,
    looked_page,
    position_key,
    position_page,
    time_key,
    time_page,
    timestamp_key,
    timestamp_page,
)
from xrpc.errors import XrpcError

URI = "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22"
MOMENTS = st.datetimes(timezones=st.just(UTC))
READERS: list[Callable[[str], object]] = [
    lambda cursor: time_key(cursor, LATEST),
    timestamp_key,
    position_key,
    lambda cursor: decode(Order.SNAPSHOT, cursor),
]
PACKED = st.builds(
    lambda letter, number, tail: (
        urlsafe_b64encode(letter + number.to_bytes(8, signed=True) + tail).rstrip(b"=").decode()
    ),
    st.sampled_from([b"t", b"m", b"p", b"s", b"x"]),
    st.integers(-(2**63), 2**63 - 1),
    st.one_of(st.binary(max_size=40), st.just(URI.encode()), st.just(URI.encode() + b"\x00")),
)


@given(MOMENTS)
@example(EARLIEST)
@example(LATEST)
def test_a_time_cursor_is_read_back_to_the_microsecond(moment: datetime) -> None:
    rows = [{"sort_at": moment, "uri": URI}, {"sort_at": moment, "uri": URI}]
    page, cursor = time_page(rows, 1)
    assert len(page) == 1
    assert time_key(cursor, EARLIEST) == (moment, URI)


def test_the_other_cursors_are_read_back() -> None:
    rows = [{"timestamp_ms": 2**53, "uri": URI, "position": 2**31 - 1}] * 2
    assert timestamp_key(timestamp_page(rows, 1)[1]) == (2**53, URI)
    assert position_key(position_page(rows, 1)[1]) == 2**31 - 1


def test_a_page_that_holds_the_rest_has_no_cursor() -> None:
    rows = [{"sort_at": LATEST, "uri": URI, "timestamp_ms": 1, "position": 1}]
    assert time_page(rows, 1)[1] is None
    assert timestamp_page(rows, 1)[1] is None
    assert position_page(rows, 1)[1] is None


@pytest.mark.parametrize(
    ("looked_at", "limit", "shown", "goes_on_after"),
    [
        ("", 2, "", ""),
        ("ab", 2, "ab", ""),
        ("abc", 2, "ab", "b"),
        ("-!", 2, "", "-"),
        ("a-!", 2, "a", "-"),
        ("ab!", 2, "ab", "b"),
        ("ab-!", 2, "ab", "b"),
        ("abc!", 2, "ab", "b"),
    ],
)
def test_a_page_goes_on_behind_the_last_row_that_was_looked_at(
    looked_at: str, limit: int, shown: str, goes_on_after: str
) -> None:
    """A letter for each row that comes, - for one that is not shown; ! after the last of a look."""
    names = looked_at.rstrip("!")
    rows = [{"name": name, "is_shown": name != "-" or None, "is_last": False} for name in names]
    if looked_at != names:
        rows[-1]["is_last"] = True
    page, cursor = looked_page(rows, limit, lambda row: str(row["name"]))
    assert "".join(row["name"] for row in page) == shown
    assert (cursor or "") == goes_on_after


@given(st.one_of(st.text(), st.text("ABCdef012-_="), PACKED))
@example("")
@example("t" * 20_000)
@example("AAAA\x00")
def test_any_cursor_is_a_key_or_refused_by_name(cursor: str) -> None:
    for read in READERS:
        try:
            key = read(cursor)
        except XrpcError as error:
            assert (error.status, error.name) == (400, "InvalidRequest")
            assert error.message.startswith("cursor: ")
        else:
            assert key is not None


def test_a_cursor_is_not_read_in_the_sense_of_another_order() -> None:
    cursor = encode(Order.TIMESTAMP, Key(1000, URI))
    with pytest.raises(XrpcError, match="cursor"):
        time_key(cursor, LATEST)


@pytest.mark.parametrize("cut", [lambda text: text + "=", lambda text: text[:-1], str.swapcase])
def test_a_cursor_that_was_tampered_with_is_refused(cut: Callable[[str], str]) -> None:
    cursor = encode(Order.TIME, Key(1000, URI))
    with pytest.raises(XrpcError):
        time_key(cut(cursor), LATEST)


def test_a_time_that_no_datetime_can_hold_is_refused() -> None:
    for number in (2**63 - 1, -(2**63)):
        with pytest.raises(XrpcError):
            time_key(encode(Order.TIME, Key(number, URI)), LATEST)


def test_the_times_of_pages_lie_between_the_ends() -> None:
    assert EARLIEST < datetime.now(UTC) < LATEST - timedelta(days=1)
