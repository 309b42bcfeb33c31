import contextlib
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.events import Reason, Rejected
from indexer.repo.car import MAX_BLOCK_BYTES, CarFile, read_car
from tests.indexer.mutated import BOUNDED, hostile
from tests.network.encoding import Link, car, car_header, car_section, dag_cbor, link_to, varint
from tests.network.mst import Tree

BLOCKS = {link_to(block): block for block in (dag_cbor({"n": n}) for n in range(5))}
ROOT = next(iter(BLOCKS))
RAW_BLOCKS = {link.raw: block for link, block in BLOCKS.items()}
GOOD = car([ROOT], BLOCKS)


def reason_of(data: bytes, max_blocks: int = 100) -> Reason:
    with pytest.raises(Rejected) as caught:
        read_car(data, max_blocks)
    return caught.value.reason


def with_header(header: object) -> bytes:
    block = dag_cbor(header)
    return varint(len(block)) + block


def test_a_car_gives_its_roots_and_blocks() -> None:
    read = read_car(GOOD)
    assert read.roots == (ROOT.raw,)
    assert read.blocks == RAW_BLOCKS


def test_case_30_a_block_that_does_not_match_its_cid_is_rejected() -> None:
    for link in BLOCKS:
        assert reason_of(car([ROOT], {**BLOCKS, link: b"\xa0"})) is Reason.HASH_MISMATCH
    raw = Link(b"\x01\x55\x12\x20" + bytes(32))
    assert reason_of(car([ROOT], {raw: b"content"})) is Reason.HASH_MISMATCH


def test_case_49_order_duplicates_and_unlinked_blocks_do_not_matter() -> None:
    sections = [car_section(*item) for item in BLOCKS.items()] * 2
    random.Random(1).shuffle(sections)
    assert read_car(car_header([ROOT]) + b"".join(sections)).blocks == RAW_BLOCKS


def test_a_block_by_a_hash_that_we_do_not_compute_is_as_good_as_missing() -> None:
    sha512 = Link(b"\x01\x71\x13\x40" + bytes(64))
    odd_codec = Link(b"\x01\xb2\x04\x12\x20" + bytes(32))
    sha3 = Link(b"\x01\x71\x16\x20" + bytes(32))
    read = read_car(car([ROOT], {sha512: b"a", **BLOCKS, odd_codec: b"b", sha3: b"c"}))
    assert read.blocks == RAW_BLOCKS


def test_raw_blocks_are_proven_too() -> None:
    link = link_to(b"content", codec=0x55)
    assert read_car(car([link], {link: b"content"})).blocks == {link.raw: b"content"}


def test_a_car_cut_anywhere_but_between_blocks_is_rejected() -> None:
    ends = {len(car([ROOT], dict(list(BLOCKS.items())[:n]))) for n in range(6)}
    for length in range(len(GOOD)):
        if length in ends:
            assert read_car(GOOD[:length]).roots == (ROOT.raw,)
        else:
            assert reason_of(GOOD[:length]) is Reason.MALFORMED_CAR


@pytest.mark.parametrize(
    "data",
    [
        with_header({"version": 2, "roots": []}),
        with_header({"version": 1}),
        with_header({"version": 1, "roots": [1]}),
        with_header({"version": 1, "roots": {}}),
        with_header([1]),
        with_header({"version": 1, "roots": [], "more": "x" * 9000}),
        varint(4) + b"\x81" * 4,
        b"\xff" * 10,
        b"\x80\x80\x80\x80\x80\x01",
        b"\x81\x00",
        GOOD + b"\x00",
        car_header([ROOT]) + bytes([36 + len(BLOCKS[ROOT]) + 0x80, 0]) + ROOT.raw + BLOCKS[ROOT],
        GOOD + varint(2) + b"\x00\x01",
        GOOD + varint(34) + b"\x12\x20" + bytes(32),
        GOOD + varint(10) + b"\x01\x71\x12\x20" + bytes(6),
        GOOD + varint(10) + b"\x01\x71\x12\x7f" + bytes(6),
        GOOD + varint(300) + b"\x01\x71\x12\xc8\x01" + bytes(295),
        GOOD + varint(2**40),
    ],
)
def test_what_is_no_car_is_rejected(data: bytes) -> None:
    assert reason_of(data) is Reason.MALFORMED_CAR


def test_more_blocks_than_allowed_are_rejected() -> None:
    assert len(read_car(GOOD, 5).blocks) == 5
    assert reason_of(GOOD, 4) is Reason.TOO_LARGE


@given(hostile([GOOD, GOOD[:100]]))
@BOUNDED
def test_any_bytes_are_a_car_of_proven_blocks_or_rejected(data: bytes) -> None:
    with contextlib.suppress(Rejected):
        for cid, block in read_car(data).blocks.items():
            assert link_to(block, codec=cid[1]).raw == cid


def a_repo(count: int = 40) -> tuple[Tree, dict[Link, bytes]]:
    records = [dag_cbor({"n": n, "pad": "x" * (n * 40)}) for n in range(count)]
    tree = Tree({b"a.b.c/%d" % n: link_to(block) for n, block in enumerate(records)})
    return tree, {link_to(block): block for block in records} | tree.nodes


@pytest.mark.parametrize("seed", range(4))
def test_a_car_file_finds_nodes_and_records_in_any_order(seed: int) -> None:
    tree, blocks = a_repo()
    items = list(blocks.items())
    random.Random(seed).shuffle(items)
    file = CarFile(io.BytesIO(car([tree.root], dict(items))))
    assert file.roots == (tree.root.raw,)
    wanted = {link.raw for link in blocks}
    assert dict(file.find(wanted)) == {link.raw: block for link, block in blocks.items()}
    assert list(file.find({link_to(b"elsewhere").raw})) == []
    assert list(file.find(set())) == []


def test_a_car_file_longer_than_a_read_is_the_same() -> None:
    blocks = {link_to(block): block for block in (bytes([n]) * 150_000 for n in range(9))}
    file = CarFile(io.BytesIO(car([], blocks)))
    last = list(blocks)[-1]
    assert dict(file.find({last.raw})) == {last.raw: blocks[last]}
    assert len(list(file.find({link.raw for link in blocks}))) == 9


def test_finding_may_be_interleaved() -> None:
    tree, blocks = a_repo()
    file = CarFile(io.BytesIO(car([tree.root], blocks)))
    records = {link.raw for link in blocks} - {link.raw for link in tree.nodes}
    found = set()
    for cid, block in file.find(records):
        found.add(cid)
        assert link_to(block).raw == cid
        assert dict(file.find({tree.root.raw})) == {tree.root.raw: tree.nodes[tree.root]}
    assert found == records


def test_a_car_file_hands_out_no_block_that_is_another() -> None:
    tree, blocks = a_repo()
    for link in (tree.root, next(iter(blocks))):
        file = CarFile(io.BytesIO(car([tree.root], {**blocks, link: blocks[link] + b"x"})))
        with pytest.raises(Rejected) as caught:
            list(file.find({link.raw}))
        assert caught.value.reason is Reason.HASH_MISMATCH


def test_a_section_must_hold_the_cid_that_stands_at_its_beginning() -> None:
    for length in (0, 35):
        data = car_header([ROOT]) + varint(length) + ROOT.raw + BLOCKS[ROOT]
        with pytest.raises(Rejected):
            list(CarFile(io.BytesIO(data)).find({ROOT.raw}))


@pytest.mark.parametrize("more", [0, 1])
def test_a_block_that_is_too_large_is_not_read_from_a_car_file(more: int) -> None:
    block = bytes(MAX_BLOCK_BYTES + more)
    link = link_to(block, codec=0x55)
    file = CarFile(io.BytesIO(car([link], {link: block})))
    if not more:
        assert dict(file.find({link.raw})) == {link.raw: block}
        return
    with pytest.raises(Rejected) as caught:
        list(file.find({link.raw}))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_cut_car_file_is_rejected_and_one_cut_between_blocks_lacks_them() -> None:
    tree, blocks = a_repo(8)
    data = car([tree.root], blocks)
    ends = {len(car([tree.root], dict(list(blocks.items())[:n]))) for n in range(len(blocks) + 1)}
    for length in range(len(car_header([tree.root])), len(data)):
        if length in ends:
            CarFile(io.BytesIO(data[:length]))
        else:
            with pytest.raises(Rejected):
                CarFile(io.BytesIO(data[:length]))


def test_a_car_file_of_more_nodes_than_allowed_is_rejected() -> None:
    tree, blocks = a_repo()
    with pytest.raises(Rejected) as caught:
        CarFile(io.BytesIO(car([tree.root], blocks)), max_nodes=2)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("section", [b"\0", b"\x01\x01"])
def test_a_car_file_of_more_sections_than_allowed_is_rejected(section: bytes) -> None:
    """A gigabyte of them would take half an hour to step through."""
    data = car_header([ROOT]) + section * 100
    assert CarFile(io.BytesIO(data), max_sections=100).roots == (ROOT.raw,)
    with pytest.raises(Rejected) as caught:
        CarFile(io.BytesIO(data), max_sections=99)
    assert caught.value.reason is Reason.TOO_LARGE


@given(hostile([GOOD, GOOD[:100]]), st.sets(st.sampled_from(sorted(RAW_BLOCKS))))
@BOUNDED
def test_any_file_is_a_car_of_proven_blocks_or_rejected(data: bytes, wanted: set[bytes]) -> None:
    with contextlib.suppress(Rejected):
        for cid, block in CarFile(io.BytesIO(data)).find(wanted):
            assert RAW_BLOCKS[cid] == block
