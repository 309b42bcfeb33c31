"""The public fixtures of what a commit must carry for its operations to be undone."""

from typing import Any

import pytest

from indexer.events import Op, Reason, Rejected
from indexer.repo.mst import load_tree, undo
from indexer.repo.node import EMPTY_TREE
from lexicons.cid import cid_text, parse_cid
from tests.interop.vectors import cases, require_interop
from tests.network.encoding import Link
from tests.network.mst import Tree

require_interop()

FIXTURES = cases("firehose/commit-proof-fixtures.json")


def leaf_of(fixture: dict[str, Any]) -> bytes:
    return parse_cid(fixture["leafValue"]).raw


def tree_after(fixture: dict[str, Any]) -> Tree:
    keys = {*fixture["keys"], *fixture["adds"]} - {*fixture["dels"]}
    return Tree({key.encode(): Link(leaf_of(fixture)) for key in keys})


def ops_of(fixture: dict[str, Any]) -> list[Op]:
    leaf = leaf_of(fixture)
    adds = [Op("create", path, leaf, None) for path in fixture["adds"]]
    return adds + [Op("delete", path, None, leaf) for path in fixture["dels"]]


def proof_of(fixture: dict[str, Any]) -> dict[bytes, bytes]:
    proof = {parse_cid(text).raw for text in fixture["blocksInProof"]}
    nodes = {link.raw: block for link, block in tree_after(fixture).nodes.items()}
    assert proof <= nodes.keys()
    return {cid: nodes[cid] for cid in proof}


def test_all_six_fixtures_are_here() -> None:
    assert len(FIXTURES) == 6


@pytest.mark.parametrize("fixture", FIXTURES)
def test_case_53_the_blocks_of_a_proof_suffice_to_undo_its_operations(
    fixture: dict[str, Any],
) -> None:
    root = parse_cid(fixture["rootAfterCommit"]).raw
    before = undo(load_tree(root, proof_of(fixture)), ops_of(fixture))
    assert cid_text(before) == fixture["rootBeforeCommit"]


@pytest.mark.parametrize("fixture", FIXTURES)
def test_without_the_root_of_a_proof_nothing_is_undone(fixture: dict[str, Any]) -> None:
    root = parse_cid(fixture["rootAfterCommit"]).raw
    blocks = proof_of(fixture)
    del blocks[root]
    with pytest.raises(Rejected) as caught:
        undo(load_tree(root, blocks), ops_of(fixture))
    assert caught.value.reason is Reason.PARTIAL_TREE


@pytest.mark.parametrize("fixture", FIXTURES)
def test_a_tree_put_together_key_by_key_has_the_root_of_the_fixture(
    fixture: dict[str, Any],
) -> None:
    leaf = leaf_of(fixture)
    tree = load_tree(EMPTY_TREE, {})
    root = undo(tree, [Op("delete", path, None, leaf) for path in fixture["keys"]])
    assert cid_text(root) == fixture["rootBeforeCommit"]
