"""Reading some collections of a tree, and of the rest only what proves them complete.

The walk says which nodes it wants, whoever can get them feeds them, and when nothing is wanted any
more every record of the collections was seen: what is not among the entries is not in the tree.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from indexer.events import Reason, Rejected
from indexer.repo.mst import parse_root
from indexer.repo.node import EMPTY_TREE, Node, check_node, parse_node
from lexicons.syntax import InvalidSyntax, Nsid, RecordKey, parse_nsid, parse_record_key

MAX_NODES: Final = 1_000_000
MAX_ENTRIES: Final = 1_000_000


class _Place(NamedTuple):
    """Where a wanted node hangs; the height of the root shows only when it is read."""

    height: int | None
    low: bytes | None
    high: bytes | None


class RangeWalk:
    """`entries`: key and record CID of what was found, in no order.

    Blocks are fed by their CIDs; that they hash to them was checked by who read the CAR.
    """

    def __init__(
        self,
        root: bytes,
        collections: Iterable[str],
        max_nodes: int = MAX_NODES,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self.entries: list[tuple[bytes, bytes]] = []
        self.node_count = 0
        self.size: int | None = None
        """About how many keys the whole tree holds: each layer has a quarter of those below it."""
        self._max_nodes = max_nodes
        self._max_entries = max_entries
        # "0" follows "/": between the two lie the keys of one collection.
        self._ranges = [(f"{name}/".encode(), f"{name}0".encode()) for name in collections]
        self._met = {root}
        self._pending = {} if root == EMPTY_TREE else {root: _Place(None, None, None)}

    @property
    def done(self) -> bool:
        return not self._pending

    def wanted(self, limit: int = 100) -> list[bytes]:
        return list(islice(self._pending, limit))

    def is_far(self, key: bytes, layers: int) -> bool:
        """Whether a wanted node on the way to the key has at least so many layers below it."""
        return any(
            place.height is not None
            and place.height >= layers
            and (place.low is None or place.low < key)
            and (place.high is None or key < place.high)
            for place in self._pending.values()
        )

    def feed(self, blocks: Mapping[bytes, bytes]) -> int:
        """Take the wanted ones among these blocks, and say how many; 0 is no progress."""
        before = self.node_count
        ready = [cid for cid in blocks if cid in self._pending]
        while ready:
            cid = ready.pop()
            place = self._pending.pop(cid)
            ready += [child for child in self._read(cid, blocks[cid], place) if child in blocks]
        return self.node_count - before

    def records(self) -> Iterator[tuple[Nsid, RecordKey, bytes]]:
        """The entries whose keys are those of records; a repository may hold others."""
        for key, cid in self.entries:
            collection, _, rkey = key.partition(b"/")
            try:
                yield parse_nsid(collection.decode()), parse_record_key(rkey.decode()), cid
            except (InvalidSyntax, UnicodeDecodeError):
                continue

    def _read(self, cid: bytes, block: bytes, place: _Place) -> list[bytes]:
        self.node_count += 1
        if place.height is None:
            node = parse_root(cid, block)
            self.size = len(node.keys) << 2 * node.height
        else:
            node = parse_node(block, cid, place.height)
        check_node(node, place.low, place.high)
        indices: set[int] = set()
        for start, end in self._ranges:
            first, last = bisect_left(node.keys, start), bisect_left(node.keys, end)
            self.entries += zip(node.keys[first:last], node.values[first:last], strict=True)
            indices.update(range(first, last + 1))
        if len(self.entries) > self._max_entries:
            raise Rejected(Reason.TOO_LARGE, f"walk of more than {self._max_entries} records")
        return [self._want(node, index, place) for index in sorted(indices) if node.links[index]]

    def _want(self, node: Node, index: int, place: _Place) -> bytes:
        link = node.links[index]
        assert isinstance(link, bytes)
        if link in self._met:
            raise Rejected(Reason.MALFORMED_TREE, f"node {link.hex()} met twice in a walk")
        self._met.add(link)
        if len(self._met) > self._max_nodes:
            raise Rejected(Reason.TOO_LARGE, f"walk of more than {self._max_nodes} nodes")
        low = node.keys[index - 1] if index else place.low
        high = node.keys[index] if index < len(node.keys) else place.high
        self._pending[link] = _Place(node.height - 1, low, high)
        return link
