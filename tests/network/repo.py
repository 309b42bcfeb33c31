"""One account's repository as its PDS keeps it: records, tree, signed commits, frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.network.encoding import Link, TidClock, car, dag_cbor, link_to, now_text, tid, tid_micros
from tests.network.keys import SigningKey
from tests.network.mst import Tree

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """One op. `value` is the record, or the bytes of a block that no PDS should have taken."""

    action: Literal["create", "update", "delete"]
    path: str
    value: Json | bytes | None = None

    @property
    def key(self) -> bytes:
        return self.path.encode(errors="surrogateescape")

    @property
    def block(self) -> bytes:
        return self.value if isinstance(self.value, bytes) else dag_cbor(self.value)


@dataclass(frozen=True, slots=True)
class Event:
    """A frame that still lacks its seq, which the relay gives."""

    kind: str
    payload: Json

    def frame(self, seq: int) -> bytes:
        return dag_cbor({"op": 1, "t": f"#{self.kind}"}) + dag_cbor({**self.payload, "seq": seq})

    @property
    def did(self) -> str:
        did: str = self.payload["repo"] if self.kind == "commit" else self.payload["did"]
        return did


@dataclass(frozen=True, slots=True)
class CommitEvent:
    """A commit as it will be told: `lies` take it apart and put it together wrongly."""

    payload: Json
    signed: Json
    blocks: Mapping[Link, bytes]
    key: SigningKey
    roots: tuple[Link, ...]

    @property
    def did(self) -> str:
        did: str = self.payload["repo"]
        return did

    @property
    def rev(self) -> str:
        rev: str = self.signed["rev"]
        return rev

    def saying(self, **fields: object) -> CommitEvent:
        return replace(self, payload={**self.payload, **fields})

    def event(self) -> Event:
        return Event("commit", {"blocks": car(self.roots, self.blocks), **self.payload})

    def frame(self, seq: int) -> bytes:
        return self.event().frame(seq)

    def resigned(self, **fields: object) -> CommitEvent:
        """The same commit with other fields in its signed object, rightly signed."""
        return self.with_commit({**self.signed, **fields})

    def with_commit(self, signed: Json, signature: bytes | None = None) -> CommitEvent:
        unsigned = {name: value for name, value in signed.items() if name != "sig"}
        signed = unsigned | {"sig": signature or self.key.sign(dag_cbor(unsigned))}
        block = dag_cbor(signed)
        others = {link: data for link, data in self.blocks.items() if link != self.roots[0]}
        return replace(
            self,
            signed=signed,
            roots=(link_to(block),),
            blocks={link_to(block): block, **others},
            payload={**self.payload, "commit": link_to(block)},
        )


@dataclass(slots=True)
class Repo:
    did: str
    key: SigningKey
    clock: TidClock
    records: dict[bytes, Link] = field(default_factory=dict)
    values: dict[Link, bytes] = field(default_factory=dict)
    tree: Tree = field(default_factory=lambda: Tree({}))
    rev: str | None = None
    signed: Json = field(default_factory=dict)

    @property
    def head(self) -> Link:
        return link_to(self.head_block)

    @property
    def head_block(self) -> bytes:
        return dag_cbor(self.signed)

    @property
    def data(self) -> Link:
        return self.tree.root

    def fork(self) -> Repo:
        """A copy to lie with; the account's own repository does not move."""
        return replace(self, records=dict(self.records), values=dict(self.values))

    def value(self, path: str) -> bytes:
        return self.values[self.records[path.encode()]]

    def commit(self, writes: Iterable[Write] = (), *, rev: str | None = None) -> CommitEvent:
        writes = list(writes)
        before, since = self.tree, self.rev
        ops = [self._apply(write) for write in writes]
        self.tree = Tree(self.records)
        self.rev = rev or self._next_rev()
        self.signed = self._sign({"did": self.did, "version": 3, "prev": None})
        blocks = {self.head: self.head_block, **self.tree.proof(write.key for write in writes)}
        for op in ops:
            if op["cid"] is not None:
                blocks[op["cid"]] = self.values[op["cid"]]
        payload = self._payload(ops, since)
        if since is not None:
            payload["prevData"] = before.root
        return CommitEvent(payload, self.signed, blocks, self.key, (self.head,))

    def _next_rev(self) -> str:
        """Later than any before, even when the last one lay in the future."""
        rev = self.clock.next()
        return rev if self.rev is None or rev > self.rev else tid(tid_micros(self.rev) + 1)

    def _sign(self, fields: Json) -> Json:
        unsigned = {**fields, "rev": self.rev, "data": self.data}
        return {**unsigned, "sig": self.key.sign(dag_cbor(unsigned))}

    def _payload(self, ops: list[Json], since: str | None) -> Json:
        return {
            "repo": self.did,
            "commit": self.head,
            "rev": self.rev,
            "since": since,
            "ops": ops,
            "blobs": [],
            "time": now_text(),
            "rebase": False,
            "tooBig": False,
        }

    def _apply(self, write: Write) -> Json:
        op: Json = {"action": write.action, "path": write.path, "cid": None}
        if write.action != "create":
            op["prev"] = self.records[write.key]
        if write.action == "delete":
            del self.records[write.key]
            return op
        assert (write.key in self.records) == (write.action == "update"), write.path
        link = link_to(write.block)
        self.records[write.key] = op["cid"] = link
        self.values[link] = write.block
        return op

    def sync(self) -> Event:
        blocks = car([self.head], {self.head: self.head_block})
        return Event(
            "sync", {"did": self.did, "rev": self.rev, "blocks": blocks, "time": now_text()}
        )

    def blocks(self) -> dict[Link, bytes]:
        """Everything the newest commit reaches, and nothing older, as a PDS keeps it."""
        records = {link: self.values[link] for _, link in sorted(self.records.items())}
        return {self.head: self.head_block, **self.tree.nodes, **records}

    def car(self) -> bytes:
        return car([self.head], self.blocks())


def identity_event(did: str, handle: str | None = None) -> Event:
    said = {"handle": handle} if handle else {}
    return Event("identity", {"did": did, "time": now_text(), **said})


def account_event(did: str, *, active: bool, status: str | None = None) -> Event:
    said = {"status": status} if status else {}
    return Event("account", {"did": did, "time": now_text(), "active": active, **said})
