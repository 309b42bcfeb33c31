"""From a commit as it arrived to one that is proven, or Rejected: pure, all at once.

What is left to the caller is what needs memory: the current key of the account, and whether the
commit follows the one before (`since` and `prev_data` against the state of the repo).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from indexer.events import (
    Commit,
    Op,
    Reason,
    Rejected,
    Sync,
    VerifiedCommit,
    VerifiedOp,
    VerifiedRoot,
    VerifiedSync,
)
from indexer.repo.car import read_car
from indexer.repo.commit import SignedCommit, parse_signed_commit
from indexer.repo.mst import Tree, load_tree, lookup, undo
from indexer.repo.node import EMPTY_TREE, node_cid
from lexicons.syntax import Did, InvalidSyntax, Tid, parse_nsid, parse_record_key, tid_micros
from xrpc.keys import PublicKey

FUTURE_REV_TOLERANCE: Final = timedelta(minutes=5)
MAX_RECORD_BYTES: Final = 1_048_576
MAX_SYNC_BLOCKS: Final = 10


def verify_commit(
    event: Commit, key: PublicKey, *, collections: frozenset[str], now: datetime
) -> VerifiedCommit:
    _refuse_future(event.rev, now)
    car = read_car(event.blocks)
    signed = _signed_root(event, car.roots, car.blocks, key, event.commit)
    tree = load_tree(signed.data, car.blocks)
    ops = _wanted_ops(event.ops, car.blocks, collections)
    is_legacy = _is_legacy(event)
    if is_legacy:
        _check_inclusion(tree, event.ops)
        before = None
    else:
        before = undo(tree, event.ops)
        if before != (event.prev_data or EMPTY_TREE):
            detail = f"undoing {event.rev} gives the tree {before.hex()}"
            raise Rejected(Reason.INVERSION_MISMATCH, detail)
    return VerifiedCommit(
        did=event.did,
        rev=event.rev,
        since=event.since,
        data=signed.data,
        prev_data=event.prev_data,
        commit=event.commit,
        ops=ops,
        complete_history=before == EMPTY_TREE,
        legacy=is_legacy,
    )


def verify_sync(event: Sync, key: PublicKey, *, now: datetime) -> VerifiedSync:
    _refuse_future(event.rev, now)
    car = read_car(event.blocks, MAX_SYNC_BLOCKS)
    root = car.roots[0] if car.roots else b""
    signed = _signed_root(event, car.roots, car.blocks, key, root)
    return VerifiedRoot(signed.did, signed.rev, signed.data, root)


def verify_root(block: bytes, did: Did, key: PublicKey, *, now: datetime) -> VerifiedRoot:
    """The commit object at the root of what a host gave for a repo; the block gives its CID."""
    signed = _verify_signature(parse_signed_commit(block), did, key)
    _refuse_future(signed.rev, now)
    return VerifiedRoot(signed.did, signed.rev, signed.data, node_cid(block))


def _refuse_future(rev: Tid, now: datetime) -> None:
    if tid_micros(rev) > (now + FUTURE_REV_TOLERANCE).timestamp() * 1_000_000:
        raise Rejected(Reason.FUTURE_REV, f"{rev} is of the future, at {now:%Y-%m-%dT%H:%M:%SZ}")


def _signed_root(
    event: Commit | Sync,
    roots: tuple[bytes, ...],
    blocks: Mapping[bytes, bytes],
    key: PublicKey,
    expected: bytes,
) -> SignedCommit:
    if not roots or roots[0] != expected:
        raise Rejected(Reason.WRONG_ROOT, f"CAR roots {[root.hex() for root in roots[:2]]}")
    block = blocks.get(expected)
    if block is None:
        raise Rejected(Reason.WRONG_ROOT, f"commit {expected.hex()} is not in its CAR")
    signed = _verify_signature(parse_signed_commit(block), event.did, key)
    if signed.rev != event.rev:
        raise Rejected(Reason.WRONG_REV, f"commit of rev {signed.rev} sent as {event.rev}")
    return signed


def _verify_signature(signed: SignedCommit, did: Did, key: PublicKey) -> SignedCommit:
    if signed.did != did:
        raise Rejected(Reason.WRONG_DID, f"commit of {signed.did} sent as {did}'s")
    if not key.verify(signed.signature, signed.unsigned, low_s=True):
        raise Rejected(Reason.BAD_SIGNATURE, f"commit {signed.rev} of {did} is not signed by {key}")
    return signed


def _is_legacy(event: Commit) -> bool:
    """Producers before Sync 1.1 left out what inversion needs."""
    if event.prev_data is None and event.since is not None:
        return True
    return any(op.prev is None and op.action != "create" for op in event.ops)


def _check_inclusion(tree: Tree, ops: tuple[Op, ...]) -> None:
    for op in ops:
        if lookup(tree, op.path.encode()) != op.cid:
            raise Rejected(Reason.OP_MISMATCH, f"{op.action} {op.path} is not what the tree has")


def _wanted_ops(
    ops: tuple[Op, ...], blocks: Mapping[bytes, bytes], collections: frozenset[str]
) -> tuple[VerifiedOp, ...]:
    wanted = []
    for op in ops:
        if op.path.partition("/")[0] in collections:
            verified = _wanted_op(op, blocks)
            if verified is not None:
                wanted.append(verified)
    return tuple(wanted)


def _wanted_op(op: Op, blocks: Mapping[bytes, bytes]) -> VerifiedOp | None:
    """None where the key is none of a record: such an op is dropped, its neighbours stay."""
    collection, _, rkey = op.path.partition("/")
    try:
        nsid, record_key = parse_nsid(collection), parse_record_key(rkey)
    except InvalidSyntax:
        return None
    if op.cid is None:
        return VerifiedOp(nsid, record_key, op.action, None, None)
    value = blocks.get(op.cid)
    if value is None:
        raise Rejected(Reason.MISSING_RECORD, f"{op.path}: block {op.cid.hex()} is not in the CAR")
    if len(value) > MAX_RECORD_BYTES:
        raise Rejected(Reason.OVERSIZE_RECORD, f"{op.path}: a record of {len(value)} bytes")
    return VerifiedOp(nsid, record_key, op.action, op.cid, value)
