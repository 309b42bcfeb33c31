"""The part of a Merkle search tree that comes with a commit, and its operations undone.

Undoing them on a valid tree must give the tree before, to the byte: then nothing was left out of
the list, and by induction nothing ever was. Where a missing node is needed, nothing is proven.
Recursion goes one layer down each time, and a key's hash bounds its layer at 128.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.events import Op, Reason, Rejected
from indexer.repo.node import (
    CID_BYTES,
    EMPTY_TREE,
    Link,
    Node,
    check_node,
    encode_node,
    height_of,
    node_cid,
    parse_node,
)


@dataclass(slots=True)
class Tree:
    """`root` is None for the empty tree; undoing changes it in place."""

    root: Link


def load_tree(root: bytes, blocks: Mapping[bytes, bytes]) -> Tree:
    """Read what is there of the tree, every node of it checked; blocks outside it do not matter."""
    if root == EMPTY_TREE:
        return Tree(None)
    block = blocks.get(root)
    if block is None:
        return Tree(root)
    top = parse_root(root, block)
    met = {root}
    unread: list[tuple[Node, bytes | None, bytes | None]] = [(top, None, None)]
    while unread:
        node, low, high = unread.pop()
        check_node(node, low, high)
        keys, links = node.keys, node.links
        for index, link in enumerate(links):
            if link is None:
                continue
            assert isinstance(link, bytes)
            if link in met:
                raise Rejected(Reason.MALFORMED_TREE, f"node {link.hex()} linked twice")
            met.add(link)
            block = blocks.get(link)
            if block is not None:
                child = parse_node(block, link, node.height - 1)
                links[index] = child
                after = keys[index] if index < len(keys) else high
                unread.append((child, keys[index - 1] if index else low, after))
    return Tree(top)


def parse_root(cid: bytes, block: bytes) -> Node:
    """A root says by its keys how high it is; it must have some."""
    root = parse_node(block, cid, 0)
    if not root.keys:
        raise Rejected(Reason.MALFORMED_TREE, "root without keys")
    root.height = height_of(root.keys[0])
    return root


def lookup(tree: Tree, key: bytes) -> bytes | None:
    link = tree.root
    while link is not None:
        node = _here(link)
        index = bisect_left(node.keys, key)
        if index < len(node.keys) and node.keys[index] == key:
            return node.values[index]
        link = node.links[index]
    return None


def undo(tree: Tree, ops: Iterable[Op]) -> bytes:
    """Take the operations back and give the CID of the tree before them. Each must have `prev`."""
    for op in sorted(ops, key=lambda op: (op.action != "delete", op.path)):
        key = op.path.encode()
        if op.action == "create":
            found: bytes | None = _remove(tree, key)
        elif op.action == "update":
            assert op.prev is not None
            found = _replace(tree, key, op.prev)
        else:
            assert op.prev is not None
            found = _insert(tree, key, op.prev)
        if found != op.cid:
            raise Rejected(
                Reason.OP_MISMATCH, f"{op.action} {op.path}: {_shown(found)} in the tree"
            )
    return _cid_of_trimmed(tree)


def _here(link: Node | bytes) -> Node:
    if isinstance(link, bytes):
        raise Rejected(Reason.PARTIAL_TREE, f"node {link.hex()} is needed and not there")
    return link


def _replace(tree: Tree, key: bytes, value: bytes) -> bytes | None:
    path = _changing_path(tree, key)
    if not path:
        return None
    node, index = path[-1]
    node.block = None
    found, node.values[index] = node.values[index], value
    return found


def _remove(tree: Tree, key: bytes) -> bytes | None:
    path = _changing_path(tree, key)
    if not path:
        return None
    node, index = path.pop()
    node.block = None
    found = node.values.pop(index)
    del node.keys[index]
    node.links[index : index + 2] = [_merged(node.links[index], node.links[index + 1])]
    while path and _is_empty(node):
        node, index = path.pop()
        node.block = None
        node.links[index] = None
    return found


def _changing_path(tree: Tree, key: bytes) -> list[tuple[Node, int]]:
    """The nodes from the root to the key, their CIDs void; nothing when it is absent."""
    path: list[tuple[Node, int]] = []
    link = tree.root
    while link is not None:
        node = _here(link)
        node.cid = None
        index = bisect_left(node.keys, key)
        path.append((node, index))
        if index < len(node.keys) and node.keys[index] == key:
            return path
        link = node.links[index]
    return []


def _insert(tree: Tree, key: bytes, value: bytes) -> bytes | None:
    """Give what stands there already, changing nothing, or None."""
    height = height_of(key)
    if tree.root is None:
        tree.root = Node([], [], [None], height)
    node = _here(tree.root)
    while node.height < height:
        node = tree.root = Node([], [], [node], node.height + 1)
    while True:
        node.cid = None
        index = bisect_left(node.keys, key)
        if index < len(node.keys) and node.keys[index] == key:
            return node.values[index]
        if node.height == height:
            break
        link = node.links[index]
        if link is None:
            node.block = None
            link = node.links[index] = Node([], [], [None], node.height - 1)
        node = _here(link)
    node.block = None
    node.links[index : index + 1] = _split(node.links[index], key)
    node.keys.insert(index, key)
    node.values.insert(index, value)
    return None


def _merged(left: Link, right: Link) -> Link:
    if left is None or right is None:
        return right if left is None else left
    one, other = _here(left), _here(right)
    middle = _merged(one.links[-1], other.links[0])
    links = [*one.links[:-1], middle, *other.links[1:]]
    return Node(one.keys + other.keys, one.values + other.values, links, one.height)


def _split(link: Link, key: bytes) -> tuple[Link, Link]:
    if link is None:
        return None, None
    node = _here(link)
    index = bisect_left(node.keys, key)
    before, after = _split(node.links[index], key)
    left = Node(node.keys[:index], node.values[:index], [*node.links[:index], before], node.height)
    right = Node(
        node.keys[index:], node.values[index:], [after, *node.links[index + 1 :]], node.height
    )
    return (None if _is_empty(left) else left), (None if _is_empty(right) else right)


def _shown(cid: bytes | None) -> str:
    return "nothing" if cid is None else cid.hex()


def _is_empty(node: Node) -> bool:
    return not node.keys and node.links[0] is None


def _cid_of_trimmed(tree: Tree) -> bytes:
    root = tree.root
    while isinstance(root, Node) and not root.keys:
        root = root.links[0]
    return EMPTY_TREE if root is None else _cid(root)


def _cid(link: Node | bytes) -> bytes:
    if isinstance(link, bytes):
        return link
    if link.cid is None:
        link.cid = node_cid(_written(link))
    return link.cid


def _written(node: Node) -> bytes:
    if node.block is None:
        links = [None if child is None else _cid(child) for child in node.links]
        return encode_node(node.keys, node.values, links)
    block = node.block
    for child, spot in zip(node.links, node.spots, strict=True):
        if isinstance(child, Node) and child.cid is None:
            block = block[:spot] + _cid(child) + block[spot + CID_BYTES :]
    return block
