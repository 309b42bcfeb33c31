"""Undo the ops of a commit with nothing but its own blocks: the slow twin of a verifier.

The partial tree is laid flat into leaves and closed boxes (subtrees whose node is not there), the
ops are undone on that list, and the tree is built anew. A box that would have to be opened, or to
stand beside something on its own level, means that the commit carried too little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.network.encoding import Link, from_dag_cbor
from tests.network.mst import Entry, Node, encode_node, height


class TooLittle(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Leaf:
    key: bytes
    value: Link

    @property
    def layer(self) -> int:
        return height(self.key)


@dataclass(frozen=True, slots=True)
class Box:
    link: Link
    layer: int


Item = Leaf | Box


def flatten(blocks: Mapping[Link, bytes], link: Link, layer: int | None = None) -> Iterator[Item]:
    if link not in blocks:
        if layer is None:
            raise TooLittle("no root node")
        yield Box(link, layer)
        return
    node = from_dag_cbor(blocks[link])
    leaves, before = [], b""
    for entry in node["e"]:
        before = before[: entry["p"]] + entry["k"]
        leaves.append(Leaf(before, entry["v"]))
    if leaves:
        layer = leaves[0].layer
        assert {leaf.layer for leaf in leaves} == {layer}, "keys of several heights in one node"
    children = [node["l"], *(entry["t"] for entry in node["e"])]
    for position, child in enumerate(children):
        if position:
            yield leaves[position - 1]
        if child is not None:
            assert layer is not None, "the root holds no key"
            yield from flatten(blocks, child, layer - 1)


def build(items: Sequence[Item], layer: int) -> Link | None:
    if not items:
        return None
    if len(items) == 1 and isinstance(items[0], Box) and items[0].layer == layer:
        return items[0].link
    if any(isinstance(item, Box) and item.layer >= layer for item in items):
        raise TooLittle("two subtrees meet, and one is closed")
    cuts = [at for at, item in enumerate(items) if isinstance(item, Leaf) and item.layer == layer]
    edges = [*cuts, len(items)]
    left = build(items[: edges[0]], layer - 1)
    entries = []
    for position, cut in enumerate(cuts):
        leaf = items[cut]
        assert isinstance(leaf, Leaf)
        right = build(items[cut + 1 : edges[position + 1]], layer - 1)
        entries.append(Entry(leaf.key, leaf.value, right))
    return encode_node(Node(left, tuple(entries)))[0]


def root_of(items: Sequence[Item]) -> Link:
    top = max((item.layer for item in items), default=0)
    return build(items, top) or encode_node(Node(None, ()))[0]


def inverted(blocks: Mapping[Link, bytes], root: Link, ops: Sequence[Mapping[str, Any]]) -> Link:
    """The root before `ops`; every op is checked against the tree on the way."""
    items = list(flatten(blocks, root))
    keys = [item.key for item in items if isinstance(item, Leaf)]
    assert keys == sorted(set(keys)), "keys out of order"
    for op in ops:
        key = op["path"].encode()
        at = next((n for n, item in enumerate(items) if _is(item, key)), None)
        if op["cid"] is not None:
            assert at is not None, f"{op['path']} is not in the tree"
            assert items[at] == Leaf(key, op["cid"])
            del items[at]
        else:
            assert at is None, f"{op['path']} is still in the tree"
        if op.get("prev") is not None:
            items.insert(_place(items, key), Leaf(key, op["prev"]))
    return root_of(items)


def _is(item: Item, key: bytes) -> bool:
    return isinstance(item, Leaf) and item.key == key


def _place(items: Sequence[Item], key: bytes) -> int:
    """Where `key` stands. Inside a box is impossible to know: the neighbours must be leaves."""
    after = [n for n, item in enumerate(items) if isinstance(item, Leaf) and item.key > key]
    at = after[0] if after else len(items)
    before_is_box = at > 0 and isinstance(items[at - 1], Box)
    if before_is_box:
        raise TooLittle(f"{key!r} belongs before or inside a closed subtree")
    return at
