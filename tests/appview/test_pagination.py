from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appview.pagination import (
    EARLIEST,
    LATEST,
    AlbumPlace,
    Key,
    Order,
    album_place,
    decode,
    encode,
    encode_album_place,
    label_cursor,
    label_place,
    looked_page,
    page_of,
    position_cursor,
    position_key,
    time_key,
    timestamp_cursor,
    timestamp_key,
    title_cursor,
    title_place,
)
from xrpc.errors import XrpcError

URI = "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22"
TIMES = (Order.TIME, Order.OLDEST, Order.ACCOUNT, Order.ACTIVITY)
MOMENTS = st.datetimes(timezones=st.just(UTC))
READERS: list[Callable[[str], object]] = [
    *(partial(time_key, start=LATEST, order=order) for order in TIMES),
    timestamp_key,
    position_key,
    title_place,
    label_place,
    album_place,
    lambda cursor: decode(Order.SNAPSHOT, cursor),
]
PACKED = st.builds(
    lambda letter, number, tail: (
        urlsafe_b64encode(letter + number.to_bytes(8, signed=True) + tail).rstrip(b"=").decode()
    ),
    st.sampled_from([*(order.encode() for order in Order), b"x"]),
    st.integers(-(2**63), 2**63 - 1),
    st.one_of(st.binary(max_size=40), st.just(URI.encode()), st.just(URI.encode() + b"\x00")),
)


@given(MOMENTS)
@example(EARLIEST)
@example(LATEST)
def test_a_time_cursor_is_read_back_to_the_microsecond(moment: datetime) -> None:
    rows = [{"sort_at": moment, "uri": URI}, {"sort_at": moment, "uri": URI}]
    page, cursor = page_of(rows, 1)
    assert len(page) == 1
    assert time_key(cursor, EARLIEST) == (moment, URI)


def test_the_other_cursors_are_read_back() -> None:
    row = {"timestamp_ms": 2**53, "uri": URI, "position": 2**31 - 1, "title_key": "sea"}
    row |= {"src": "did:plc:x", "cid": "", "val": "a b"}
    assert timestamp_key(timestamp_cursor(row)) == (2**53, URI)
    assert position_key(position_cursor(row)) == 2**31 - 1
    assert title_place(title_cursor(row)) == "sea"
    assert label_place(label_cursor(row)) == (URI, "did:plc:x", "a b", "")
    place = AlbumPlace(7, LATEST, URI)
    assert album_place(encode_album_place(place)) == place


def test_a_page_that_holds_the_rest_has_no_cursor() -> None:
    rows = [{"sort_at": LATEST, "uri": URI}]
    assert page_of(rows, 1) == (rows, None)


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
