"""Signed commit objects: the root block of a repository."""

from dataclasses import dataclass
from typing import Final

from indexer.events import Reason, Rejected
from lexicons.cid import DAG_CBOR, Cid
from lexicons.data_model import InvalidData, Value, decode, encode
from lexicons.syntax import Did, InvalidSyntax, Tid, parse_did, parse_tid

VERSION: Final = 3
MAX_COMMIT_BYTES: Final = 8192
SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """`unsigned` is what the signature is over: the same map without `sig`, unknown fields kept."""

    did: Did
    rev: Tid
    data: bytes
    prev: bytes | None
    signature: bytes
    unsigned: bytes


def parse_signed_commit(block: bytes) -> SignedCommit:
    """Its signature is yet to be verified. The block is canonical, so encoding it again is safe."""
    if len(block) > MAX_COMMIT_BYTES:
        raise Rejected(Reason.MALFORMED_COMMIT, f"commit of {len(block)} bytes")
    try:
        fields = decode(block)
    except InvalidData as error:
        raise Rejected(Reason.MALFORMED_COMMIT, str(error)) from error
    if not isinstance(fields, dict):
        raise Rejected(Reason.MALFORMED_COMMIT, f"commit is a {type(fields).__name__}, not a map")
    if fields.get("version") != VERSION:
        raise Rejected(Reason.MALFORMED_COMMIT, f"commit of version {fields.get('version')!r}")
    signature = fields.get("sig")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise Rejected(
            Reason.BAD_SIGNATURE, f"sig is not {SIGNATURE_BYTES} bytes: {signature!r:.99}"
        )
    if "prev" not in fields:
        raise Rejected(Reason.MALFORMED_COMMIT, "commit without prev")
    data = _node_link(fields, "data")
    if data is None:
        raise Rejected(Reason.MALFORMED_COMMIT, "commit whose data is null")
    did, rev = _names(fields)
    unsigned = encode({name: value for name, value in fields.items() if name != "sig"})
    return SignedCommit(did, rev, data, _node_link(fields, "prev"), signature, unsigned)


def _names(fields: dict[str, Value]) -> tuple[Did, Tid]:
    did, rev = fields.get("did"), fields.get("rev")
    if not isinstance(did, str) or not isinstance(rev, str):
        raise Rejected(Reason.MALFORMED_COMMIT, f"did and rev are not strings: {did!r}, {rev!r}")
    try:
        return parse_did(did), parse_tid(rev)
    except InvalidSyntax as error:
        raise Rejected(Reason.MALFORMED_COMMIT, str(error)) from error


def _node_link(fields: dict[str, Value], name: str) -> bytes | None:
    link = fields.get(name)
    if link is None:
        return None
    if not isinstance(link, Cid) or link.codec != DAG_CBOR:
        raise Rejected(Reason.MALFORMED_COMMIT, f"{name} is not a link to DAG-CBOR: {link!r:.99}")
    return link.raw
