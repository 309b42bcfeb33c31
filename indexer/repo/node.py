"""Nodes of a Merkle search tree: the one way to write them, and nothing else is read.

https://atproto.com/specs/repository#mst-structure. A node is a map, {e: entries, l: link}; so is an
entry, {k: rest of the key, p: bytes shared with the key before, t: link to its right, v: record}.
The parser knows only the canonical bytes: what it accepts would be written the same again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from indexer.events import Reason, Rejected

MAX_KEY_BYTES: Final = 1024
MAX_NODE_BYTES: Final = 1_048_576
CID_BYTES: Final = 36

_CID_PREFIX: Final = bytes.fromhex("01711220")
# Tag 42 on a byte string of 37: a zero, then a CIDv1 of DAG-CBOR by SHA-256.
_LINK: Final = bytes.fromhex("d82a582500") + _CID_PREFIX
_LINK_HEAD: Final = _LINK[:5]
_LINK_BYTES: Final = 41
_NULL: Final = 0xF6
_MAX_CID_BYTES: Final = 100

Link: TypeAlias = "Node | bytes | None"


@dataclass(slots=True, eq=False)
class Node:
    """`links` has one place more than `keys`: what lies before, between and after them.

    A link is a node, the CID of one that is not here, or None. `cid` is None once anything at or
    below the node changed; `block` stays until the node itself holds something else than before,
    and `spots` are where in it the CIDs of `links` stand.
    """

    keys: list[bytes]
    values: list[bytes]
    links: list[Link]
    height: int
    cid: bytes | None = None
    block: bytes | None = None
    spots: list[int] = field(default_factory=list)


def node_cid(block: bytes) -> bytes:
    return _CID_PREFIX + hashlib.sha256(block).digest()


def height_of(key: bytes) -> int:
    """Leading zeros of the key's hash, in pairs of bits."""
    return (256 - int.from_bytes(hashlib.sha256(key).digest()).bit_length()) >> 1


def common_prefix(left: bytes, right: bytes) -> int:
    shorter = min(len(left), len(right))
    difference = int.from_bytes(left[:shorter]) ^ int.from_bytes(right[:shorter])
    return shorter - ((difference.bit_length() + 7) >> 3)


def check_node(node: Node, low: bytes | None, high: bytes | None) -> None:
    """What a node must hold to hang where it does: keys of its height, between `low` and `high`."""
    keys, height = node.keys, node.height
    if not keys and node.links[0] is None:
        raise Rejected(Reason.MALFORMED_TREE, "empty node below the root")
    if height == 0 and any(node.links):
        raise Rejected(Reason.MALFORMED_TREE, "link below the lowest layer")
    if keys and low is not None and keys[0] <= low:
        raise Rejected(Reason.MALFORMED_TREE, f"key {keys[0]!r} not after {low!r}")
    if keys and high is not None and keys[-1] >= high:
        raise Rejected(Reason.MALFORMED_TREE, f"key {keys[-1]!r} not before {high!r}")
    for key in keys:
        if height_of(key) != height:
            raise Rejected(Reason.MALFORMED_TREE, f"key {key!r} at height {height}")


def parse_node(block: bytes, cid: bytes, height: int) -> Node:
    if len(block) > MAX_NODE_BYTES:
        raise Rejected(Reason.MALFORMED_TREE, f"node of {len(block)} bytes")
    try:
        return _parse(block, cid, height)
    except IndexError as error:
        raise Rejected(Reason.MALFORMED_TREE, f"node ends early, at {len(block)}") from error


def _parse(block: bytes, cid: bytes, height: int) -> Node:
    if block[:3] != b"\xa2ae":
        raise _unexpected(block, 0, "a map that begins with e")
    count, position = _head(block, 3, 0x80)
    keys: list[bytes] = []
    values: list[bytes] = []
    rights: list[Link] = []
    spots: list[int] = []
    key = b""
    for _ in range(count):
        key, position = _key(block, position, key, first=not keys)
        if block[position : position + 2] != b"at":
            raise _unexpected(block, position, "t")
        link, position = _link(block, position + 2)
        spots.append(position - CID_BYTES)
        if block[position : position + 2] != b"av":
            raise _unexpected(block, position, "v")
        value, position = _value(block, position + 2)
        keys.append(key)
        values.append(value)
        rights.append(link)
    if block[position : position + 2] != b"al":
        raise _unexpected(block, position, "l")
    left, position = _link(block, position + 2)
    if position != len(block):
        raise _unexpected(block, position, "the end")
    spots = [position - CID_BYTES, *spots]
    return Node(keys, values, [left, *rights], height, cid, block, spots)


def _key(block: bytes, position: int, before: bytes, *, first: bool) -> tuple[bytes, int]:
    if block[position : position + 3] != b"\xa4ak":
        raise _unexpected(block, position, "a map of four that begins with k")
    length, start = _head(block, position + 3, 0x40)
    stop = start + length
    rest = block[start:stop]
    if block[stop : stop + 2] != b"ap":
        raise _unexpected(block, stop, "p")
    shared, position = _head(block, stop + 2, 0x00)
    if first:
        is_next = shared == 0 and length > 0
    elif shared < len(before):
        # Were the byte equal, it should have been shared; were it lower, the order would be wrong.
        is_next = length > 0 and rest[0] > before[shared]
    else:
        is_next = length > 0 and shared == len(before)
    if not is_next or shared + length > MAX_KEY_BYTES:
        raise _unexpected(block, start, f"what makes a key after {before!r}")
    return before[:shared] + rest, position


def _head(block: bytes, position: int, major: int) -> tuple[int, int]:
    """The argument of an item of that major type, in its shortest form."""
    short = block[position] - major
    if 0 <= short < 24:
        return short, position + 1
    if 24 <= short <= 26:
        width = 1 << (short - 24)
        stop = position + 1 + width
        argument = int.from_bytes(block[position + 1 : stop])
        if argument >= (24, 1 << 8, 1 << 16)[short - 24]:
            return argument, stop
    raise _unexpected(block, position, f"a short head of major type {major >> 5}")


def _link(block: bytes, position: int) -> tuple[bytes | None, int]:
    if block[position] == _NULL:
        return None, position + 1
    stop = position + _LINK_BYTES
    if block[position : position + 9] == _LINK:
        return block[position + 5 : stop], stop
    raise _unexpected(block, position, "null or a link to a node")


def _value(block: bytes, position: int) -> tuple[bytes, int]:
    """Other people's records may be linked by any CID; it is kept as it is."""
    stop = position + _LINK_BYTES
    if block[position : position + 9] == _LINK:
        return block[position + 5 : stop], stop
    if block[position : position + 2] == b"\xd8\x2a":
        length, start = _head(block, position + 2, 0x40)
        if 5 <= length <= _MAX_CID_BYTES and block[start] == 0:
            return block[start + 1 : start + length], start + length
    raise _unexpected(block, position, "a link to a record")


def encode_node(
    keys: Sequence[bytes], values: Sequence[bytes], links: Sequence[bytes | None]
) -> bytes:
    parts = [b"\xa2ae", _write_head(0x80, len(keys))]
    before = b""
    for key, value, link in zip(keys, values, links[1:], strict=True):
        shared = common_prefix(before, key)
        rest = key[shared:]
        parts += (
            b"\xa4ak",
            _write_head(0x40, len(rest)),
            rest,
            b"ap",
            _write_head(0x00, shared),
            b"at",
            _write_link(link),
            b"av\xd8\x2a",
            _write_head(0x40, len(value) + 1),
            b"\0",
            value,
        )
        before = key
    parts += (b"al", _write_link(links[0]))
    return b"".join(parts)


def _write_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major + argument,))
    width = 0 if argument < 1 << 8 else 1 if argument < 1 << 16 else 2
    return bytes((major + 24 + width,)) + argument.to_bytes(1 << width)


def _write_link(link: bytes | None) -> bytes:
    return b"\xf6" if link is None else _LINK_HEAD + link


def _unexpected(block: bytes, position: int, expected: str) -> Rejected:
    got = block[position : position + 12].hex()
    return Rejected(Reason.MALFORMED_TREE, f"node, byte {position}: expected {expected}, got {got}")


EMPTY_TREE: Final = node_cid(encode_node((), (), (None,)))
