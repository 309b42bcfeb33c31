from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.events import Reason, Rejected
from indexer.repo.node import EMPTY_TREE
from indexer.repo.walk import RangeWalk
from tests.indexer.mutated import BOUNDED
from tests.indexer.trees import LEAF, raw_blocks, tree_of
from tests.network.encoding import link_to
from tests.network.mst import Tree


def fetch(walk: RangeWalk, blocks: Mapping[bytes, bytes], limit: int) -> list[bytes]:
    asked: list[bytes] = []
    while not walk.done:
        wanted = walk.wanted(limit)
        assert 0 < len(wanted) <= limit
        asked += wanted
        assert walk.feed({cid: blocks[cid] for cid in wanted}) == len(wanted)
    return asked


MIXED = {
    f"{collection}/{n:04d}": link_to(b"%d" % n)
    for collection in ("a.b.c", "a.b.cc", "app.bsky.feed.post", "fm.plyr.like", "zz.z.z")
    for n in range(120)
}


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_walk_finds_the_records_of_its_collections_and_no_others(limit: int) -> None:
    tree = tree_of(MIXED)
    nodes = raw_blocks(tree.nodes)
    wanted = {path for path in MIXED if path.partition("/")[0] in {"a.b.c", "fm.plyr.like"}}
    walk = RangeWalk(tree.root.raw, ["fm.plyr.like", "a.b.c"])
    asked = fetch(walk, nodes, limit)
    assert {key.decode(): cid for key, cid in walk.entries} == {
        path: MIXED[path].raw for path in wanted
    }
    assert len(asked) == len(set(asked)) == walk.node_count
    assert len(asked) < len(nodes) * 0.6


@given(st.sets(st.sampled_from(sorted(MIXED)), max_size=200), st.sampled_from(["a.b.c", "zz.z.z"]))
@settings(BOUNDED, max_examples=50)
def test_a_walk_is_the_same_as_filtering_all_keys(paths: set[str], collection: str) -> None:
    tree = tree_of({path: MIXED[path] for path in paths})
    walk = RangeWalk(tree.root.raw, [collection])
    walk.feed(raw_blocks(tree.nodes))
    assert walk.done
    found = sorted(key.decode() for key, _ in walk.entries)
    assert found == sorted(path for path in paths if path.startswith(f"{collection}/"))


def test_a_walk_of_the_empty_tree_is_done() -> None:
    walk = RangeWalk(EMPTY_TREE, ["a.b.c"])
    assert walk.done
    assert walk.entries == []


def test_a_walk_whose_nodes_are_missing_is_not_done() -> None:
    tree = tree_of(MIXED)
    nodes = raw_blocks(tree.nodes)
    walk = RangeWalk(tree.root.raw, ["a.b.c"])
    assert walk.feed({tree.root.raw: nodes[tree.root.raw]}) == 1
    assert walk.feed({LEAF.raw: b"\xa0", tree.root.raw: nodes[tree.root.raw]}) == 0
    assert not walk.done


def test_a_walk_past_its_bound_of_nodes_is_given_up() -> None:
    tree = tree_of(MIXED)
    walk = RangeWalk(tree.root.raw, ["a.b.c"], max_nodes=3)
    with pytest.raises(Rejected) as caught:
        walk.feed(raw_blocks(tree.nodes))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_walk_past_its_bound_of_records_is_given_up() -> None:
    keys = [f"a.b.c/{number}".encode() for number in range(20)]
    tree = Tree(dict.fromkeys(keys, LEAF))
    walk = RangeWalk(tree.root.raw, ["a.b.c"], max_entries=19)
    with pytest.raises(Rejected) as caught:
        walk.feed(raw_blocks(tree.nodes))
    assert caught.value.reason is Reason.TOO_LARGE
    walk = RangeWalk(tree.root.raw, ["a.b.c"], max_entries=20)
    walk.feed(raw_blocks(tree.nodes))
    assert len(list(walk.records())) == 20


def test_nodes_count_as_soon_as_they_are_wanted() -> None:
    """One node can name more of them than could ever be fetched."""
    tree = tree_of(MIXED)
    walk = RangeWalk(tree.root.raw, ["a.b.c"], max_nodes=1)
    with pytest.raises(Rejected):
        walk.feed({tree.root.raw: raw_blocks(tree.nodes)[tree.root.raw]})


def test_case_52_keys_that_are_none_of_records_are_dropped_and_their_neighbours_kept() -> None:
    keys = [b"a.b.c/", b"a.b.c/x/y", b"a.b.c/\xff", b"a.b.c/.", b"a.b.c/fine"]
    tree = Tree(dict.fromkeys(keys, LEAF))
    walk = RangeWalk(tree.root.raw, ["a.b.c"])
    walk.feed(raw_blocks(tree.nodes))
    assert walk.done
    assert list(walk.records()) == [("a.b.c", "fine", LEAF.raw)]
