import contextlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.events import Reason, Rejected
from indexer.repo.node import EMPTY_TREE, common_prefix, encode_node, height_of, parse_node
from lexicons.cid import cid_text
from tests.indexer.mutated import BOUNDED, hostile
from tests.indexer.trees import LEAF, OTHER, node
from tests.network.encoding import Link, dag_cbor, link_to
from tests.network.mst import Tree, common_prefix_length, height


def test_the_empty_tree_has_the_cid_that_everyone_knows() -> None:
    assert cid_text(EMPTY_TREE) == "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"


keys_st = st.sets(
    st.binary(min_size=1, max_size=40) | st.integers(0, 99).map(lambda n: b"a.b.c/%d" % n),
    max_size=30,
)


@given(keys_st, st.randoms(use_true_random=False))
@BOUNDED
def test_a_node_is_read_as_it_was_written(keys: set[bytes], rnd: random.Random) -> None:
    ordered = sorted(keys)
    values = [link_to(key).raw for key in ordered]
    links = [rnd.choice([None, link_to(bytes([n])).raw]) for n in range(len(ordered) + 1)]
    block = encode_node(ordered, values, links)
    entries = list(zip(ordered, [link and Link(link) for link in links[1:]], strict=True))
    left = Link(links[0]) if links[0] else None
    before, written = b"", []
    for (key, right), value in zip(entries, values, strict=True):
        shared = common_prefix_length(before, key)
        written.append({"p": shared, "k": key[shared:], "v": Link(value), "t": right})
        before = key
    assert block == dag_cbor({"e": written, "l": left})
    read = parse_node(block, b"", 0)
    assert (read.keys, read.values, read.links) == (ordered, values, links)


@given(st.binary(max_size=50), st.binary(max_size=50))
@BOUNDED
def test_a_common_prefix_is_what_counting_gives(left: bytes, right: bytes) -> None:
    assert common_prefix(left, right) == common_prefix_length(left, right)
    assert common_prefix(left + right, left) == len(left)


@given(st.binary(max_size=20))
@BOUNDED
def test_a_height_is_what_counting_gives(key: bytes) -> None:
    assert height_of(key) == height(key)


def test_long_keys_and_many_entries_have_longer_heads() -> None:
    keys = sorted(
        [b"k" * 23, b"k" * 24, b"k" * 280, b"k" * 1024, *(b"n%04d" % n for n in range(300))]
    )
    values = [LEAF.raw] * len(keys)
    block = encode_node(keys, values, [None] * (len(keys) + 1))
    assert parse_node(block, b"", 0).keys == keys


def test_a_node_larger_than_any_record_is_rejected() -> None:
    def block_of(count: int) -> bytes:
        keys = [b"%04d" % n + b"k" * 1000 for n in range(count)]
        return encode_node(keys, [LEAF.raw] * count, [None] * (count + 1))

    assert len(parse_node(block_of(990), b"", 0).keys) == 990
    with pytest.raises(Rejected):
        parse_node(block_of(1000), b"", 0)


def test_a_record_may_be_linked_by_a_cid_of_another_kind() -> None:
    sha512 = b"\x01\x71\x13\x40" + bytes(64)
    block = encode_node([b"k"], [sha512], [None, None])
    assert parse_node(block, b"", 0).values == [sha512]
    with pytest.raises(Rejected):
        parse_node(encode_node([b"k"], [LEAF.raw], [sha512, None]), b"", 0)


GOOD = node((b"a.b.c/1", None), (b"a.b.c/22", LEAF), (b"a.b.d/1", None), left=OTHER)


@pytest.mark.parametrize(
    "entry",
    [
        {"p": 8},
        {"p": 2**40},
        {"p": -1},
        {"p": 5, "k": b"/22"},
        {"p": 6, "k": b""},
        {"p": 7, "k": b""},
        {"p": 6, "k": b"1"},
        {"p": 6, "k": b"0"},
        {"p": 6, "k": b"2" * 1019},
        {"p": "6"},
        {"k": "2"},
        {"v": None},
        {"v": b"\x00" + LEAF.raw},
        {"t": False},
        {"t": b"\x00" + LEAF.raw},
        {"t": link_to(b"", codec=0x55)},
        {"x": 1},
    ],
)
def test_case_46_an_entry_that_nobody_should_write_is_rejected(entry: dict[str, object]) -> None:
    first = {"p": 0, "k": b"a.b.c/1", "v": LEAF, "t": None}
    right = {"p": 6, "k": b"22", "v": LEAF, "t": None}
    block = dag_cbor({"e": [first, right], "l": None})
    assert parse_node(block, b"", 0).keys == [b"a.b.c/1", b"a.b.c/22"]
    with pytest.raises(Rejected) as caught:
        parse_node(dag_cbor({"e": [first, {**right, **entry}], "l": None}), b"", 0)
    assert caught.value.reason is Reason.MALFORMED_TREE


def test_the_first_entry_shares_nothing() -> None:
    for first in ({"p": 1, "k": b"x"}, {"p": 0, "k": b""}):
        block = dag_cbor({"e": [{"v": LEAF, "t": None, **first}], "l": None})
        with pytest.raises(Rejected):
            parse_node(block, b"", 0)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        dag_cbor({"e": []}),
        dag_cbor({"e": [], "l": None, "x": 1}),
        dag_cbor({"e": None, "l": None}),
        dag_cbor([]),
        GOOD + b"\xf6",
        GOOD.replace(b"\xa2ae\x83", b"\xa2ae\x98\x03"),
        GOOD.replace(b"\xa2ae\x83", b"\xa2ae\x9f"),
        GOOD.replace(b"ak\x47", b"ak\x58\x07"),
        GOOD.replace(b"ap\x06", b"ap\x18\x06"),
        GOOD.replace(b"\xf6", b"\xf7", 1),
        b"\xa2ae" + b"\x81" * 100_000,
        b"\xa2ae\x9b" + b"\xff" * 8,
        bytes(1_048_577),
    ],
)
def test_other_bytes_for_the_same_node_or_none_are_rejected(block: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        parse_node(block, b"", 0)
    assert caught.value.reason is Reason.MALFORMED_TREE


@given(hostile([GOOD, *list(Tree({b"a.b.c/%d" % n: LEAF for n in range(9)}).nodes.values())]))
@settings(BOUNDED, max_examples=400)
def test_any_bytes_are_a_node_written_one_way_or_rejected(block: bytes) -> None:
    with contextlib.suppress(Rejected):
        read = parse_node(block, b"", 0)
        links = [link for link in read.links if link is None or isinstance(link, bytes)]
        assert encode_node(read.keys, read.values, links) == block
        assert read.keys == sorted(set(read.keys))


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x04, 0x20, 0x80, 0xFF])
def test_with_any_one_byte_changed_a_node_is_another_written_one_way_or_rejected(flip: int) -> None:
    refused = 0
    for at in range(len(GOOD)):
        block = bytearray(GOOD)
        block[at] ^= flip
        try:
            read = parse_node(bytes(block), b"", 0)
        except Rejected:
            refused += 1
            continue
        links = [link for link in read.links if link is None or isinstance(link, bytes)]
        assert encode_node(read.keys, read.values, links) == block, at
    assert 40 < refused < len(GOOD)
