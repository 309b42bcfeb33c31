"""Which bytes a request is for (RFC 9110, section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appview.media.ranges import NotSatisfiable, Span, wanted_span

ETAG = '"bafy"'


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-1", Span(0, 2)),
        ("bytes=5-", Span(5, 10)),
        ("bytes=5-99", Span(5, 10)),
        ("bytes=9-9", Span(9, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-30", Span(0, 10)),
        (" Bytes = 2 - 4 ", Span(2, 5)),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("", None),
    ],
)
def test_a_range_of_ten_bytes(asked: str, span: Span | None) -> None:
    assert wanted_span({"range": asked}, ETAG, 10) == span


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99-100"])
def test_a_range_behind_the_end_cannot_be_satisfied(asked: str) -> None:
    with pytest.raises(NotSatisfiable):
        wanted_span({"range": asked}, ETAG, 10)


@pytest.mark.parametrize(
    ("condition", "is_partial"),
    [
        (ETAG, True),
        ('"other"', False),
        (f"W/{ETAG}", False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
    ],
)
def test_a_range_of_another_version_is_the_whole(condition: str, is_partial: bool) -> None:
    span = wanted_span({"range": "bytes=1-2", "if-range": condition}, ETAG, 10)
    assert (span is not None) == is_partial


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_python_slices(size: int, first: int, last: int) -> None:
    blob = bytes(range(size))
    for header, expected in (
        (f"bytes={first}-", blob[first:]),
        (f"bytes=-{first}", blob[-first:] if first else b""),
        (f"bytes={first}-{last}", blob[first : last + 1] if first <= last else blob),
    ):
        try:
            span = wanted_span({"range": header}, ETAG, size)
        except NotSatisfiable:
            assert expected == b""
            continue
        assert (blob if span is None else blob[span.start : span.stop]) == expected


@given(st.text(max_size=40))
def test_whatever_stands_there_is_read_or_ignored(header: str) -> None:
    try:
        span = wanted_span({"range": header}, ETAG, 10)
    except NotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= 10
