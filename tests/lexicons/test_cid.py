import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.cid import (
    DAG_CBOR,
    RAW,
    Cid,
    InvalidCid,
    cid_from_bytes,
    cid_text,
    dag_cbor_cid,
    parse_cid,
    raw_cid,
)
from tests.lexicons.strategies import CIDS

# The empty map in DAG-CBOR, and no bytes at all.
EMPTY_MAP = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
NOTHING = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_a_block_and_its_bytes_have_known_cids() -> None:
    assert cid_text(dag_cbor_cid(b"\xa0")) == EMPTY_MAP
    assert cid_text(raw_cid(b"")) == NOTHING
    assert parse_cid(EMPTY_MAP).codec == DAG_CBOR
    assert parse_cid(NOTHING).codec == RAW


@given(CIDS)
def test_a_cid_survives_text_and_bytes(cid: Cid) -> None:
    assert parse_cid(str(cid)) == cid
    assert cid_from_bytes(cid.raw) == cid


@given(CIDS, CIDS)
def test_cids_order_by_their_bytes(one: Cid, other: Cid) -> None:
    assert (one < other) == (one.raw < other.raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY_MAP[:-1],
        EMPTY_MAP + "a",
        EMPTY_MAP[:-1] + "b",  # bits that belong to no byte
        EMPTY_MAP.upper(),
        " " + EMPTY_MAP,
        EMPTY_MAP + "\n",
        "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",  # DAG-PB
        "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR",
        "zdj7WWeQ43G6JJvLWQWZpyHuAMq6uYWRjkBXFad11vE2LHhQ7",
    ],
)
def test_other_text_is_no_cid(text: str) -> None:
    with pytest.raises(InvalidCid):
        parse_cid(text)


@given(st.text(max_size=70) | CIDS.map(str), st.integers(0, 60), st.characters())
def test_text_that_parses_is_the_only_text_of_its_cid(text: str, at: int, new: str) -> None:
    changed = text[:at] + new + text[at + 1 :]
    try:
        cid = parse_cid(changed)
    except InvalidCid:
        return
    assert str(cid) == changed


@given(st.binary(max_size=40))
def test_other_bytes_are_no_cid(raw: bytes) -> None:
    with pytest.raises(InvalidCid):
        cid_from_bytes(raw)
