import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.syntax import (
    FORMATS,
    AtUri,
    InvalidSyntax,
    is_at_uri,
    is_datetime,
    parse_at_uri,
    parse_datetime,
    parse_did,
    parse_handle,
    parse_nsid,
    parse_record_key,
    parse_tid,
    tid_from_micros,
    tid_micros,
)
from tests.support import least_cpu_seconds

MICROS = st.integers(0, 2**53 - 1)
DIDS = st.from_regex(r"did:[a-z]{1,8}:[a-zA-Z0-9._:%-]{0,20}[a-zA-Z0-9._-]", fullmatch=True)
HANDLES = st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,2}\.[a-z]{2,8}", fullmatch=True)
NSIDS = st.from_regex(r"[a-z]{2,8}(\.[a-z0-9]{1,8}){1,3}\.[a-zA-Z]{1,10}", fullmatch=True)
RKEYS = st.from_regex(r"[A-Za-z0-9._:~-]{1,20}", fullmatch=True).filter(
    lambda key: key not in {".", ".."}
)
PARSERS: list[Callable[[str], object]] = [
    parse_at_uri,
    parse_datetime,
    parse_did,
    parse_handle,
    parse_nsid,
    parse_record_key,
    parse_tid,
]


@given(MICROS)
def test_a_tid_keeps_its_time(micros: int) -> None:
    tid = tid_from_micros(micros)
    assert parse_tid(tid) == tid
    assert tid_micros(tid) == micros


@given(MICROS, MICROS)
def test_tids_order_as_their_times(one: int, other: int) -> None:
    assert (tid_from_micros(one) < tid_from_micros(other)) == (one < other)


@pytest.mark.parametrize("micros", [-1, 2**53])
def test_no_tid_goes_beyond_its_bits(micros: int) -> None:
    with pytest.raises(ValueError, match="no TID"):
        tid_from_micros(micros)


@pytest.mark.parametrize(
    "tid", ["2222222222222", "3jzfcijpj2z2a", "3kznmn7xqxl22", "jzzzzzzzzzzzz"]
)
def test_a_tid_is_a_number_in_sortable_base32(tid: str) -> None:
    sortable, hexadecimal = "234567abcdefghijklmnopqrstuvwxyz", "0123456789abcdefghijklmnopqrstuv"
    number = int(tid.translate(str.maketrans(sortable, hexadecimal)), 32)
    assert tid_micros(parse_tid(tid)) == number >> 10


def test_a_tid_of_2024_says_so() -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    tid = tid_from_micros(int(moment.timestamp()) * 1_000_000)
    assert tid == "3khuwc44c2222"
    assert datetime.fromtimestamp(tid_micros(tid) / 1e6, UTC) == moment


@given(DIDS | HANDLES, NSIDS, RKEYS)
def test_an_at_uri_survives(authority: str, collection: str, rkey: str) -> None:
    for text in (
        f"at://{authority}",
        f"at://{authority}/{collection}",
        f"at://{authority}/{collection}/{rkey}",
    ):
        assert str(parse_at_uri(text)) == text
    assert parse_at_uri(text).collection == collection
    assert parse_at_uri(text).rkey == rkey


def test_an_at_uri_may_stop_early() -> None:
    uri = parse_at_uri("at://alice.test")
    assert (uri.authority, uri.collection, uri.rkey) == ("alice.test", "", "")
    assert isinstance(uri, AtUri)


@pytest.mark.parametrize(
    "uri",
    [
        f"at://did:web:{'a' * 2048}",
        f"at://{'a.' * 127}test/a.b.c/d",
        f"at://did:plc:a/a.{'b.' * 160}c/d",
        f"at://did:plc:a/a.b.c/{'d' * 513}",
        "at://did:plc:a/a.b.c/..",
        "at://did:plc:a/a.b.c/d\n",
    ],
)
def test_each_part_of_an_at_uri_has_its_own_bound(uri: str) -> None:
    assert not is_at_uri(uri)


def test_handles_are_lower_case() -> None:
    assert parse_handle("Alice.TEST") == "alice.test"
    assert parse_did("did:plc:ABC") == "did:plc:ABC"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1234569999Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2026-01-02T00:30:00+01:00", datetime(2026, 1, 1, 23, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_datetime_becomes_utc(text: str, expected: datetime) -> None:
    assert parse_datetime(text) == expected
    assert parse_datetime(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "0000-02-29T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_a_valid_datetime_may_be_out_of_range(text: str) -> None:
    assert is_datetime(text)
    with pytest.raises(InvalidSyntax, match="out of range"):
        parse_datetime(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00-00:00",
        "0000-01-01T00:00:00+00:01",
        "0000-02-30T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
        "\uff12026-01-01T00:00:00Z",
    ],
)
def test_a_datetime_that_never_was_is_refused(text: str) -> None:
    assert not is_datetime(text)


@pytest.mark.parametrize("name", FORMATS)
@given(text=st.text(max_size=50))
def test_a_format_answers_for_any_text(name: str, text: str) -> None:
    assert FORMATS[name](text) in {True, False}
    assert not FORMATS[name](f"{text}\n")


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text(max_size=50) | st.from_regex(r"at://[a-z.:/]*"))
def test_a_parser_raises_invalid_syntax_alone(parse: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(InvalidSyntax):
        parse(text)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a." * 500_000,
        "a-" * 500_000,
        "did:a:" + "%" * 1_000_000,
        "at://" + "a." * 500_000,
        "at://did:a:" + ":" * 1_000_000,
        "en" + "-a-aa" * 200_000 + "!",
        "en" + "-aaaaa" * 160_000 + "!",
        "b" + "a" * 1_000_000,
    ],
    ids=lambda text: text[:12],
)
def test_long_text_is_judged_quickly(name: str, text: str) -> None:
    assert least_cpu_seconds(lambda: FORMATS[name](text)) < 1
