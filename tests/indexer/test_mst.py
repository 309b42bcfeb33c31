"""Partial trees and their operations undone, against a tree that is built anew each time."""

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.events import Action, Op, Reason, Rejected
from indexer.repo.mst import load_tree, lookup, undo
from indexer.repo.node import node_cid
from indexer.repo.walk import RangeWalk
from tests.indexer.mutated import BOUNDED
from tests.indexer.trees import LEAF, OTHER, key_of_height, node, raw_blocks, tree_of
from tests.network.encoding import Link, dag_cbor, link_to
from tests.support import least_cpu_seconds

A0, B0, C0, D0 = (key_of_height(0, b"a.b.c/" + letter) for letter in (b"a", b"b", b"c", b"d"))
A1, B1 = (key_of_height(1, b"a.b.c/" + letter) for letter in (b"a", b"b"))
B2, C2 = (key_of_height(2, b"a.b.c/" + letter) for letter in (b"b", b"c"))


def load(*blocks: bytes) -> Any:
    """The tree whose root comes first."""
    return load_tree(node_cid(blocks[0]), {node_cid(block): block for block in blocks})


def reason_of(*blocks: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        load(*blocks)
    reason = caught.value.reason
    with pytest.raises(Rejected) as caught:
        walk_all({node_cid(block): block for block in blocks}, node_cid(blocks[0]))
    assert caught.value.reason is reason
    return reason


def walk_all(blocks: Mapping[bytes, bytes], root: bytes) -> RangeWalk:
    walk = RangeWalk(root, ["a.b.c"])
    walk.feed(blocks)
    return walk


def test_a_tree_may_hang_together() -> None:
    low = node((A0, None))
    middle = node(left=link_to(low))
    assert lookup(load(node((B2, None), left=link_to(middle)), middle, low), A0) == LEAF.raw


@pytest.mark.parametrize(
    "blocks",
    [
        [node((B1, link_to(node((A0, None))))), node((A0, None))],
        [node((B1, None), left=link_to(node((C0, None)))), node((C0, None))],
        [node((A1, link_to(node((C0, None)))), (B1, None)), node((C0, None))],
        [
            node((B2, link_to(node(left=link_to(node((A0, None))))))),
            node(left=link_to(node((A0, None)))),
            node((A0, None)),
        ],
    ],
    ids=["right", "left", "between", "below a node without keys"],
)
def test_keys_ascend_across_nodes(blocks: list[bytes]) -> None:
    assert reason_of(*blocks) is Reason.MALFORMED_TREE


def test_keys_of_a_node_are_of_one_height() -> None:
    assert reason_of(node((A1, None), (B0, None))) is Reason.MALFORMED_TREE


def test_a_child_is_one_layer_lower() -> None:
    low = node((A0, None))
    assert reason_of(node((B2, None), left=link_to(low)), low) is Reason.MALFORMED_TREE
    same = node((A1, None))
    assert reason_of(node((B1, None), left=link_to(same)), same) is Reason.MALFORMED_TREE


def test_nothing_hangs_below_the_lowest_layer() -> None:
    assert reason_of(node((A0, LEAF))) is Reason.MALFORMED_TREE


def test_a_node_without_keys_or_link_is_the_empty_tree_and_nothing_else() -> None:
    empty = node()
    assert load(empty).root is None
    assert reason_of(node((A1, link_to(empty))), empty) is Reason.MALFORMED_TREE


def test_a_root_without_keys_is_rejected() -> None:
    low = node((A0, None))
    assert reason_of(node(left=link_to(low)), low) is Reason.MALFORMED_TREE


def test_case_47_a_dag_bomb_is_rejected_at_once() -> None:
    """Three layers of a thousand links, all to one child: a billion visits for who follows them."""
    layers = [[key_of_height(n, b"a.b.c/%04d" % i) for i in range(1000)] for n in range(3)]
    blocks = [node(*((key, None) for key in layers[0]))]
    for keys in layers[1:]:
        child = link_to(blocks[0])
        blocks.insert(0, node(*((key, child) for key in keys), left=child))
    assert reason_of(*blocks) is Reason.MALFORMED_TREE
    assert least_cpu_seconds(lambda: reason_of(*blocks)) < 0.1


def test_case_48_a_chain_of_ten_thousand_nodes_is_rejected() -> None:
    blocks = [node((A0, None))]
    for _ in range(10_000):
        blocks.append(node(left=link_to(blocks[-1])))
    blocks.append(node((B2, None), left=link_to(blocks[-1])))
    assert reason_of(*reversed(blocks)) is Reason.MALFORMED_TREE


PATHS = [f"a.b.c/{n:03d}" for n in range(150)] + [
    key_of_height(layer, b"a.b.c/%03d" % n).decode() for layer in (2, 3, 4) for n in (0, 40, 90)
]


def ops_between(before: Mapping[str, Link], after: Mapping[str, Link]) -> list[Op]:
    ops = []
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if old != new:
            action: Action = "create" if old is None else "delete" if new is None else "update"
            ops.append(Op(action, path, new.raw if new else None, old.raw if old else None))
    return ops


records_st = st.dictionaries(st.sampled_from(PATHS), st.sampled_from([LEAF, OTHER]), max_size=60)


@st.composite
def changes(draw: st.DrawFn) -> tuple[dict[str, Link], dict[str, Link]]:
    before = draw(records_st)
    after = before | draw(st.dictionaries(st.sampled_from(PATHS), st.just(LEAF), max_size=6))
    gone = draw(st.sets(st.sampled_from(sorted(before)), max_size=6)) if before else set()
    return before, {path: link for path, link in after.items() if path not in gone}


@given(changes())
@settings(BOUNDED, max_examples=300)
def test_undoing_gives_the_tree_before_from_no_more_than_a_commit_carries(
    change: tuple[dict[str, Link], dict[str, Link]],
) -> None:
    before, after = change
    ops, tree = ops_between(before, after), tree_of(after)
    carried = raw_blocks(tree.proof(op.path.encode() for op in ops))
    assert undo(load_tree(tree.root.raw, carried), ops) == tree_of(before).root.raw


@given(changes(), st.data())
@BOUNDED
def test_a_lie_about_the_operations_shows(
    change: tuple[dict[str, Link], dict[str, Link]], data: st.DataObject
) -> None:
    before, after = change
    ops, tree = ops_between(before, after), tree_of(after)
    if not ops:
        return
    hidden = data.draw(st.sampled_from(ops))
    told = [op for op in ops if op is not hidden]
    carried = raw_blocks(tree.proof(op.path.encode() for op in ops))
    with contextlib.suppress(Rejected):
        assert undo(load_tree(tree.root.raw, carried), told) != tree_of(before).root.raw


@given(changes(), st.data())
@BOUNDED
def test_with_any_node_missing_the_tree_before_comes_out_or_partial(
    change: tuple[dict[str, Link], dict[str, Link]], data: st.DataObject
) -> None:
    before, after = change
    ops, tree = ops_between(before, after), tree_of(after)
    carried = raw_blocks(tree.nodes)
    for cid in data.draw(st.sets(st.sampled_from(sorted(carried)))):
        del carried[cid]
    try:
        assert undo(load_tree(tree.root.raw, carried), ops) == tree_of(before).root.raw
    except Rejected as error:
        assert error.reason is Reason.PARTIAL_TREE


@given(records_st, st.sampled_from(PATHS))
@BOUNDED
def test_lookup_finds_what_is_there(records: dict[str, Link], path: str) -> None:
    tree = tree_of(records)
    loaded = load_tree(tree.root.raw, raw_blocks(tree.nodes))
    expected = records.get(path)
    assert lookup(loaded, path.encode()) == (expected and expected.raw)


def test_lookup_does_not_guess_about_missing_nodes() -> None:
    tree = tree_of(dict.fromkeys(PATHS, LEAF))
    with pytest.raises(Rejected) as caught:
        lookup(load_tree(tree.root.raw, {tree.root.raw: tree.nodes[tree.root]}), PATHS[5].encode())
    assert caught.value.reason is Reason.PARTIAL_TREE


@pytest.mark.parametrize(
    "op",
    [
        Op("create", "a.b.c/absent", LEAF.raw, None),
        Op("create", PATHS[3], OTHER.raw, None),
        Op("update", "a.b.c/absent", LEAF.raw, OTHER.raw),
        Op("update", PATHS[3], OTHER.raw, LEAF.raw),
        Op("delete", PATHS[3], None, LEAF.raw),
    ],
)
def test_an_operation_that_did_not_happen_cannot_be_undone(op: Op) -> None:
    tree = tree_of(dict.fromkeys(PATHS, LEAF))
    with pytest.raises(Rejected) as caught:
        undo(load_tree(tree.root.raw, raw_blocks(tree.nodes)), [op])
    assert caught.value.reason is Reason.OP_MISMATCH


def test_a_record_link_that_looks_like_a_child_is_left_alone() -> None:
    """A record CID equal to that of a node: only the link changes when the node does."""

    def root_over(child: bytes) -> bytes:
        entry = {"p": 0, "k": B1, "v": link_to(low), "t": link_to(child)}
        return dag_cbor({"e": [entry], "l": None})

    low = node((C0, None), (D0, None))
    undone = undo(load(root_over(low), low), [Op("create", C0.decode(), LEAF.raw, None)])
    assert undone == node_cid(root_over(node((D0, None))))
