"""Small trees, right or wrong, node by node."""

from collections.abc import Mapping
from itertools import count

from tests.network.encoding import Link, dag_cbor, link_to
from tests.network.mst import Tree, common_prefix_length, height

LEAF = link_to(b"\xa0")
OTHER = link_to(b"\xa1")


def key_of_height(layer: int, prefix: bytes) -> bytes:
    keys = (b"%s%08d" % (prefix, number) for number in count())
    return next(key for key in keys if height(key) == layer)


def raw_blocks(blocks: Mapping[Link, bytes]) -> dict[bytes, bytes]:
    return {link.raw: block for link, block in blocks.items()}


def tree_of(records: Mapping[str, Link]) -> Tree:
    return Tree({path.encode(): link for path, link in records.items()})


def node(*entries: tuple[bytes, Link | None], left: Link | None = None) -> bytes:
    """A node as written, right or wrong: keys in the order given, prefixes as they fall."""
    before, written = b"", []
    for key, right in entries:
        shared = common_prefix_length(before, key)
        written.append({"k": key[shared:], "p": shared, "v": LEAF, "t": right})
        before = key
    return dag_cbor({"e": written, "l": left})
