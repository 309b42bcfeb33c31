import contextlib

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons.cid import raw_cid
from lexicons.data_model import (
    MAX_DEPTH,
    MAX_RECORD_BYTES,
    InvalidData,
    Value,
    decode,
    decode_record,
    encode,
    from_json,
    to_json,
)
from tests.lexicons.slow_dag_cbor import Refused, slow_decode
from tests.lexicons.strategies import ANYTHING, VALUES

RAW_CID = raw_cid(b"bytes")
LINK = b"\xd8\x2a\x58\x25\x00"

NOT_DAG_CBOR = {
    "nothing": b"",
    "float16": b"\xf9\x3e\x00",
    "float32": b"\xfa\x3f\x8c\xcc\xcd",
    "float64": b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a",
    "NaN": b"\xf9\x7e\x00",
    "undefined": b"\xf7",
    "simple value": b"\xe0",
    "integer in two bytes, not one": b"\x18\x01",
    "length in two bytes, not one": b"\x58\x01a",
    "integer over int64": b"\x1b\x80\x00\x00\x00\x00\x00\x00\x00",
    "integer under int64": b"\x3b\x80\x00\x00\x00\x00\x00\x00\x00",
    "big integer": b"\xc2\x41\x01",
    "indefinite text": b"\x7f\x61a\xff",
    "indefinite array": b"\x9f\x01\xff",
    "indefinite map": b"\xbf\x61a\x01\xff",
    "key twice": b"\xa2\x61a\x01\x61a\x02",
    "keys out of order": b"\xa2\x61b\x01\x61a\x02",
    "longer key first": b"\xa2\x62aa\x01\x61b\x02",
    "integer as key": b"\xa1\x01\x02",
    "bytes as key": b"\xa1\x41a\x02",
    "not UTF-8": b"\x61\xff",
    "trailing bytes": b"\x01\x01",
    "cut": b"\x62a",
    "a length of exabytes": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "datetime": b"\xc0\x74" + b"2026-01-01T00:00:00Z",
    "pattern": b"\xd8\x23\x63a+b",
    "shared value": b"\xd8\x1c\x81\xd8\x1d\x00",
    "set": b"\xd9\x01\x02\x81\x01",
    "link without its zero": b"\xd8\x2a\x58\x24" + RAW_CID,
    "link with a byte more": b"\xd8\x2a\x58\x26\x00" + RAW_CID + b"\x00",
    "link with text": b"\xd8\x2a\x61a",
    "link of version 0": b"\xd8\x2a\x58\x23\x00\x12\x20" + bytes(32),
    "link to another codec": LINK + b"\x01\x70\x12\x20" + bytes(32),
    "link by another hash": LINK + b"\x01\x71\x1b\x20" + bytes(32),
    "link with its length in two bytes": b"\xd8\x2a\x59\x00\x25\x00" + RAW_CID,
}


@pytest.mark.parametrize("block", NOT_DAG_CBOR.values(), ids=NOT_DAG_CBOR.keys())
def test_what_is_not_canonical_dag_cbor_is_refused(block: bytes) -> None:
    with pytest.raises(InvalidData):
        decode(block)


def test_a_link_is_decoded() -> None:
    link = "bafkreibhoce5shal35hs42dcxj7eub3akemugh25cp3snxjvfmdpdmqgve"
    assert to_json(decode(b"\xa1\x61a" + LINK + RAW_CID)) == {"a": {"$link": link}}


def test_booleans_are_not_integers() -> None:
    assert decode(b"\x82\xf5\x01") == [True, 1]
    assert repr(decode(b"\x82\xf5\x01")) == "[True, 1]"
    assert encode([True, 1]) == b"\x82\xf5\x01"


def test_bytes_that_look_like_a_link_stay_bytes() -> None:
    block = b"\x58\x24" + RAW_CID
    assert decode(block) == RAW_CID
    assert encode(RAW_CID) == block


def test_keys_are_written_shortest_first_then_by_bytes() -> None:
    keys = ["bb", "a", "é", "z", "", "aaa"]
    encoded = encode(dict.fromkeys(keys, None))
    decoded = decode(encoded)
    assert isinstance(decoded, dict)
    assert list(decoded) == ["", "a", "z", "bb", "é", "aaa"]


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x61a"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000, 100_000])
def test_hostile_nesting_is_refused(opening: bytes, depth: int) -> None:
    with pytest.raises(InvalidData):
        decode(opening * depth + b"\x01")


def test_nesting_up_to_the_bound_is_data() -> None:
    decode(b"\x81" * MAX_DEPTH + b"\x01")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_hostile_nesting_in_json_is_refused(opening: str) -> None:
    nested: object = 1
    for _ in range(100_000):
        nested = [nested] if opening == "[" else {"a": nested}
    with pytest.raises(InvalidData):
        from_json(nested)


def test_hostile_nesting_is_not_encoded() -> None:
    nested: Value = 1
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidData):
        encode(nested)


def test_a_record_has_a_bound() -> None:
    room = MAX_RECORD_BYTES - len(encode({"a": "x" * 1_000_000})) + 1_000_000
    assert decode_record(encode({"a": "x" * room}))
    with pytest.raises(InvalidData, match="over 1048576"):
        decode_record(encode({"a": "x" * (room + 1)}))


def test_a_record_is_a_map() -> None:
    with pytest.raises(InvalidData, match="must be a map, got list"):
        decode_record(encode([]))


UNTELLABLE: list[dict[str, Value]] = [
    {"a": {"$link": "bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity"}},
    {"a": {"$bytes": "AAAA"}},
    {"a": {"$link": 1, "b": 2}},
    {"$type": ""},
    {"$type": 1},
    {"a": [{"$type": None}]},
    {"$type": "blob", "mimeType": "audio/mpeg", "size": 1},
]


@pytest.mark.parametrize("value", UNTELLABLE)
def test_maps_that_would_mean_something_else_in_json_are_refused(value: dict[str, Value]) -> None:
    with pytest.raises(InvalidData):
        decode(cbor2.dumps(value, canonical=True))


def test_unknown_reserved_fields_are_data() -> None:
    record: dict[str, Value] = {"$type": "a.b.c", "$later": {"x": [None, b"", "\0"]}}
    assert decode_record(encode(record)) == record
    assert from_json(to_json(record)) == record


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", b""), ("AA", b"\0"), ("AA==", b"\0"), ("123", b"\xd7m"), ("+/+/", b"\xfb\xff\xbf")],
)
def test_bytes_in_json_may_lack_their_padding(text: str, expected: bytes) -> None:
    assert from_json({"$bytes": text}) == expected


@pytest.mark.parametrize("text", ["A", "AA=A", "-_-_", "AA\n==", "Ä", "AAAAA"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        from_json({"$bytes": text})


@pytest.mark.parametrize(
    "number", [1.5, float("nan"), float("inf"), 1e300, 2.0**54, 2**63, -(2**63) - 1]
)
def test_numbers_that_are_not_64_bit_integers_are_refused(number: float) -> None:
    with pytest.raises(InvalidData):
        from_json({"a": number})


@pytest.mark.parametrize("obj", [{"a": "\ud800"}, {"\udfff": 1}, ["\ud83d"]])
def test_a_lone_surrogate_is_refused(obj: object) -> None:
    with pytest.raises(InvalidData, match="not Unicode"):
        from_json(obj)


@pytest.mark.parametrize("value", [1.0, {1: 2}, (1,), {1}, object(), "\ud800", bytearray(b"a")])
def test_only_data_can_be_encoded(value: Value) -> None:
    with pytest.raises(InvalidData):
        encode(value)


@given(VALUES)
def test_data_survives_dag_cbor(value: Value) -> None:
    assert decode(encode(value)) == value


@given(VALUES)
def test_data_survives_json(value: Value) -> None:
    assert from_json(to_json(value)) == value


@given(VALUES, st.data())
@settings(max_examples=300)
def test_decoding_damaged_blocks_agrees_with_the_slow_twin(
    value: Value, data: st.DataObject
) -> None:
    block = bytearray(encode(value))
    for _ in range(data.draw(st.integers(0, 3))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    _same_verdict(bytes(block))


@given(st.binary(max_size=64))
@settings(max_examples=500)
def test_decoding_any_bytes_agrees_with_the_slow_twin(block: bytes) -> None:
    _same_verdict(block)


def _same_verdict(block: bytes) -> None:
    try:
        expected = slow_decode(block)
    except Refused:
        with pytest.raises(InvalidData):
            decode(block)
        return
    if not _has_reserved_key(expected):
        assert decode(block) == expected


def _has_reserved_key(value: Value) -> bool:
    if isinstance(value, dict):
        return any(key[:1] == "$" or _has_reserved_key(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_reserved_key, value))


@given(ANYTHING)
def test_json_of_any_shape_is_data_or_refused(obj: object) -> None:
    with contextlib.suppress(InvalidData):
        encode(from_json(obj))
