"""An account's repository, written: records, tree, signed commits, and the frames that tell them.

https://atproto.com/specs/repository. Small enough that each commit brings its whole tree along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from indexer.repo.node import encode_node, height_of, node_cid
from lexicons.cid import Cid, dag_cbor_cid
from lexicons.data_model import Value, encode
from lexicons.syntax import Did, Tid
from xrpc.keys import PublicKey

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Blocks = dict[bytes, bytes]
Json = dict[str, Value]


@dataclass(frozen=True, slots=True)
class SigningKey:
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def public(self) -> PublicKey:
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return PublicKey("p256", point)

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + min(s, ORDER - s).to_bytes(32)


@dataclass(slots=True)
class Repository:
    did: Did
    key: SigningKey = field(default_factory=SigningKey)
    records: dict[str, bytes] = field(default_factory=dict)
    """CIDs by path."""
    blocks: Blocks = field(default_factory=dict)
    """What the newest commit reaches."""
    head: bytes = b""
    rev: Tid | None = None

    def commit(self, rev: Tid, created: Mapping[str, Json]) -> Json:
        """The #commit event of that change, which still lacks its seq."""
        before, since = tree(self.records)[0], self.rev
        values = {path: encode(record) for path, record in created.items()}
        self.records |= {path: dag_cbor_cid(block) for path, block in values.items()}
        self.rev = rev
        root, nodes = tree(self.records)
        self.head, signed = self._signed(root)
        told = {self.head: signed, **nodes, **{self.records[path]: values[path] for path in values}}
        kept = {cid: self.blocks[cid] for cid in self.records.values() if cid in self.blocks}
        self.blocks = told | kept
        event: Json = {
            "repo": self.did,
            "commit": Cid(self.head),
            "rev": rev,
            "since": since,
            "ops": [
                {"action": "create", "path": path, "cid": Cid(self.records[path])}
                for path in created
            ],
            "blocks": car(self.head, told),
            "blobs": [],
            "time": now(),
            "rebase": False,
            "tooBig": False,
        }
        return event if since is None else event | {"prevData": Cid(before)}

    def _signed(self, root: bytes) -> tuple[bytes, bytes]:
        commit: Json = {
            "did": self.did,
            "version": 3,
            "prev": None,
            "rev": self.rev,
            "data": Cid(root),
        }
        block = encode(commit | {"sig": self.key.sign(encode(commit))})
        return dag_cbor_cid(block), block

    def car(self) -> bytes:
        return car(self.head, self.blocks)


def tree(records: Mapping[str, bytes]) -> tuple[bytes, Blocks]:
    """The root and every node, made anew from the sorted paths."""
    keys = sorted(path.encode() for path in records)
    values = [records[key.decode()] for key in keys]
    nodes: Blocks = {}

    def subtree(start: int, stop: int, height: int) -> bytes | None:
        if start == stop:
            return None
        own = [at for at in range(start, stop) if height_of(keys[at]) == height]
        links = [
            subtree(low, high, height - 1)
            for low, high in zip([start, *(at + 1 for at in own)], [*own, stop], strict=True)
        ]
        return keep([keys[at] for at in own], [values[at] for at in own], links)

    def keep(keys: list[bytes], values: list[bytes], links: list[bytes | None]) -> bytes:
        block = encode_node(keys, values, links)
        nodes[node_cid(block)] = block
        return node_cid(block)

    top = max(map(height_of, keys), default=0)
    root = subtree(0, len(keys), top) or keep([], [], [None])
    return root, nodes


def car(root: bytes, blocks: Mapping[bytes, bytes]) -> bytes:
    header = encode({"version": 1, "roots": [Cid(root)]})
    return b"".join([_sized(header), *(_sized(cid + block) for cid, block in blocks.items())])


def frame(kind: str, event: Json, seq: int) -> bytes:
    return encode({"op": 1, "t": f"#{kind}"}) + encode(event | {"seq": seq})


def _sized(data: bytes) -> bytes:
    length, head = len(data), bytearray()
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*head, length]) + data


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
