"""Commits that are wrong in one respect each, and otherwise as good as lies get.

Each takes a rightly made commit and answers with the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.network.encoding import Link, car, dag_cbor, from_dag_cbor, link_to
from tests.network.keys import SigningKey
from tests.network.repo import CommitEvent, Event, Json

Lie = Callable[[CommitEvent], CommitEvent]


def _unsigned(event: CommitEvent) -> Json:
    return {name: value for name, value in event.signed.items() if name != "sig"}


def signed_by(key: SigningKey) -> Lie:
    def lie(event: CommitEvent) -> CommitEvent:
        return event.with_commit(event.signed, key.sign(dag_cbor(_unsigned(event))))

    return lie


def bad_signature(event: CommitEvent) -> CommitEvent:
    return signed_by(SigningKey(event.key.curve))(event)


def high_s(event: CommitEvent) -> CommitEvent:
    return event.with_commit(event.signed, event.key.sign_high_s(dag_cbor(_unsigned(event))))


def der_signature(event: CommitEvent) -> CommitEvent:
    return event.with_commit(event.signed, event.key.sign_der(dag_cbor(_unsigned(event))))


def other_did(event: CommitEvent) -> CommitEvent:
    return event.resigned(did="did:plc:" + "a" * 24)


def other_rev(rev: str) -> Lie:
    """The frame claims another rev than the signed commit."""
    return lambda event: event.saying(rev=rev)


def other_version(event: CommitEvent) -> CommitEvent:
    return event.resigned(version=9)


def extra_signed_field(event: CommitEvent) -> CommitEvent:
    """Not a lie: unknown fields are part of what is signed."""
    return event.resigned(zebra="of the future")


def other_root(event: CommitEvent) -> CommitEvent:
    """The CAR's root is a block, but not the commit that the frame names."""
    other = next(link for link in event.blocks if link != event.roots[0])
    return replace(event, roots=(other,))


def missing_root(event: CommitEvent) -> CommitEvent:
    rest = {link: block for link, block in event.blocks.items() if link != event.roots[0]}
    return replace(event, blocks=rest)


def wrong_block(event: CommitEvent) -> CommitEvent:
    """The last block's bytes are not those that its CID promises."""
    link = list(event.blocks)[-1]
    return replace(event, blocks={**event.blocks, link: event.blocks[link] + b"\x00"})


def wrong_op_cid(event: CommitEvent) -> CommitEvent:
    other = dag_cbor({"$type": "fm.plyr.track", "title": "not in the tree"})
    op = {**event.payload["ops"][0], "cid": link_to(other)}
    told = event.saying(ops=[op, *event.payload["ops"][1:]])
    return replace(told, blocks={**event.blocks, link_to(other): other})


def hidden_op(event: CommitEvent) -> CommitEvent:
    return event.saying(ops=event.payload["ops"][:-1])


def duplicate_path(event: CommitEvent) -> CommitEvent:
    return event.saying(ops=[*event.payload["ops"], event.payload["ops"][0]])


def wrong_prev(event: CommitEvent) -> CommitEvent:
    """An update or delete that names another previous cid than the tree had."""
    op = {**event.payload["ops"][0], "prev": link_to(b"never")}
    return event.saying(ops=[op, *event.payload["ops"][1:]])


def other_prev_data(event: CommitEvent) -> CommitEvent:
    return event.saying(prevData=link_to(b"some other tree"))


def no_prev_data(event: CommitEvent) -> CommitEvent:
    """What a producer before Sync 1.1 sends: neither prevData nor prev."""
    payload = {name: value for name, value in event.payload.items() if name != "prevData"}
    return no_prev(replace(event, payload=payload))


def no_prev(event: CommitEvent) -> CommitEvent:
    """Nothing says what its ops replaced, so they cannot be undone."""
    ops = event.payload["ops"]
    return event.saying(ops=[{name: op[name] for name in op if name != "prev"} for op in ops])


def without_proof(event: CommitEvent) -> CommitEvent:
    """The MST nodes below the root are missing."""
    root = event.signed["data"]
    kept = {link: block for link, block in event.blocks.items() if not _is_node(block)}
    return replace(event, blocks={**kept, root: event.blocks[root]})


def without_record(event: CommitEvent) -> CommitEvent:
    cids = {op["cid"] for op in event.payload["ops"]}
    kept = {link: block for link, block in event.blocks.items() if link not in cids}
    return replace(event, blocks=kept)


def _is_node(block: bytes) -> bool:
    value = from_dag_cbor(block)
    return isinstance(value, dict) and set(value) == {"l", "e"}


def old_flags(event: CommitEvent) -> CommitEvent:
    """Not a lie: fields of old that mean nothing any more."""
    return event.saying(tooBig=True, rebase=True, blobs=[link_to(b"blob", 0x55)])


def unknown_fields(event: CommitEvent) -> CommitEvent:
    return event.saying(zebra={"of": ["the", "future"]})


@dataclass(frozen=True, slots=True)
class Raw:
    """Told with these exact bytes as `blocks`, whatever they are."""

    event: CommitEvent
    blocks: bytes

    @property
    def did(self) -> str:
        return self.event.did

    def frame(self, seq: int) -> bytes:
        return Event("commit", {**self.event.payload, "blocks": self.blocks}).frame(seq)


def shuffled(event: CommitEvent) -> Raw:
    """Not a lie: blocks in any order, some twice, some nobody asked for."""
    stranger = dag_cbor({"no": "relation"})
    items = [*event.blocks.items()]
    items = [*reversed(items), (link_to(stranger), stranger)]
    body = car(event.roots, dict(items))
    again = car(event.roots, dict(items[:1]))
    return Raw(event, body + again[len(car(event.roots, {})) :])


def two_roots(event: CommitEvent) -> CommitEvent:
    return replace(event, roots=(*event.roots, event.signed["data"]))


def with_tree(nodes: dict[Link, bytes], root: Link) -> Lie:
    """A commit over a tree of the liar's own making, rightly signed."""

    def lie(event: CommitEvent) -> CommitEvent:
        told = event.resigned(data=root)
        return replace(told, blocks={**told.blocks, **nodes})

    return lie


def _node(entries: list[Json], left: Link | None = None) -> tuple[Link, bytes]:
    block = dag_cbor({"l": left, "e": entries})
    return link_to(block), block


def _entry(key: bytes, prefix: int = 0, right: Link | None = None) -> Json:
    return {"p": prefix, "k": key, "v": link_to(b"record"), "t": right}


def bad_prefix(length: int) -> Lie:
    """A second entry that shares `length` bytes with a first of twenty."""
    entries = [_entry(b"fm.plyr.track/aaaaaa"), _entry(b"b", length)]
    root, block = _node(entries)
    return with_tree({root: block}, root)


def dag_bomb(levels: int = 6, width: int = 1000) -> Lie:
    """Each node names the same child a thousand times."""
    child, block = _node([_entry(b"fm.plyr.track/zz")])
    nodes = {child: block}
    for _ in range(levels):
        entries = [_entry(b"fm.plyr.track/%05d" % number, 0, child) for number in range(width)]
        child, block = _node(entries, child)
        nodes[child] = block
    return with_tree(nodes, child)


def deep_chain(depth: int = 10_000) -> Lie:
    """Nodes that hold nothing but one child each."""
    child, block = _node([_entry(b"fm.plyr.track/zz")])
    nodes = {child: block}
    for _ in range(depth):
        child, block = _node([], child)
        nodes[child] = block
    return with_tree(nodes, child)


def oversize_blocks(event: CommitEvent) -> CommitEvent:
    stuffing = dag_cbor(b"\x00" * 2_000_000)
    return replace(event, blocks={**event.blocks, link_to(stuffing): stuffing})


@dataclass(frozen=True, slots=True)
class OddHeader:
    """Not a lie: a field in the frame's header that nobody knows yet."""

    event: CommitEvent

    @property
    def did(self) -> str:
        return self.event.did

    def frame(self, seq: int) -> bytes:
        header = dag_cbor({"op": 1, "t": "#commit", "zebra": 1})
        return header + self.event.frame(seq)[len(dag_cbor({"op": 1, "t": "#commit"})) :]
