"""A Merkle search tree built anew from its sorted keys, every time: slow, and obviously right."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tests.network.encoding import Link, dag_cbor, link_to


@dataclass(frozen=True, slots=True)
class Entry:
    key: bytes
    value: Link
    right: Link | None


@dataclass(frozen=True, slots=True)
class Node:
    left: Link | None
    entries: tuple[Entry, ...]


@lru_cache(maxsize=200_000)
def height(key: bytes) -> int:
    digest = hashlib.sha256(key).digest()
    leading = 256 - int.from_bytes(digest).bit_length()
    return leading // 2


def common_prefix_length(left: bytes, right: bytes) -> int:
    return next(
        (at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]),
        min(len(left), len(right)),
    )


@lru_cache(maxsize=50_000)
def encode_node(node: Node) -> tuple[Link, bytes]:
    before = b""
    entries = []
    for entry in node.entries:
        shared = common_prefix_length(before, entry.key)
        entries.append({"p": shared, "k": entry.key[shared:], "v": entry.value, "t": entry.right})
        before = entry.key
    block = dag_cbor({"l": node.left, "e": entries})
    return link_to(block), block


class Tree:
    """`nodes` holds every node block, `root` first."""

    def __init__(self, records: Mapping[bytes, Link]) -> None:
        self.keys = sorted(records)
        self._values = [records[key] for key in self.keys]
        self._heights = [height(key) for key in self.keys]
        self._parsed: dict[Link, Node] = {}
        top = max(self._heights, default=0)
        self.root = self._subtree(0, len(self.keys), top) or self._keep(Node(None, ()))

    @property
    def nodes(self) -> dict[Link, bytes]:
        return {link: encode_node(self._parsed[link])[1] for link in self._walk(self.root)}

    def _keep(self, node: Node) -> Link:
        link, _ = encode_node(node)
        self._parsed[link] = node
        return link

    def _subtree(self, start: int, end: int, layer: int) -> Link | None:
        if start == end:
            return None
        cuts = [index for index in range(start, end) if self._heights[index] == layer]
        edges = [*cuts, end]
        left = self._subtree(start, edges[0], layer - 1)
        entries = tuple(
            Entry(
                self.keys[cut],
                self._values[cut],
                self._subtree(cut + 1, edges[position + 1], layer - 1),
            )
            for position, cut in enumerate(cuts)
        )
        return self._keep(Node(left, entries))

    def _walk(self, link: Link) -> Iterable[Link]:
        yield link
        node = self._parsed[link]
        for child in (node.left, *(entry.right for entry in node.entries)):
            if child is not None:
                yield from self._walk(child)

    def path(self, key: bytes) -> list[Link]:
        """The nodes between the root and the place where `key` is, or would be."""
        links: list[Link] = []
        link: Link | None = self.root
        while link is not None:
            links.append(link)
            node = self._parsed[link]
            link = node.left
            for entry in node.entries:
                if entry.key == key:
                    return links
                if entry.key < key:
                    link = entry.right
        return links

    def proof(self, keys: Iterable[bytes]) -> dict[Link, bytes]:
        """What a commit carries: the paths of the changed keys and of their neighbours."""
        links = {self.root: None}
        for key in keys:
            at = bisect_left(self.keys, key)
            after = at + 1 if at < len(self.keys) and self.keys[at] == key else at
            around = [key, *self.keys[max(at - 1, 0) : at], *self.keys[after : after + 1]]
            links |= {link: None for near in around for link in self.path(near)}
        return {link: encode_node(self._parsed[link])[1] for link in links}
