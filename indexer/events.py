"""What the indexer speaks of: events as they arrive, as they are proven, and why one is refused.

CIDs are raw bytes (binary CIDv1, 36 bytes for the blessed kinds) until they reach a row.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lexicons.syntax import Did, Nsid, RecordKey, Tid

Action = Literal["create", "update", "delete"]


class Reason(StrEnum):
    """Why something from the network was refused; the label of the metric."""

    MALFORMED_FRAME = "malformed-frame"  # the framing itself: the connection is of no more use
    INVALID_EVENT = "invalid-event"
    FUTURE_REV = "future-rev"
    STALE_REV = "stale-rev"
    STALE_SEQ = "stale-seq"
    NO_IDENTITY = "no-identity"
    MALFORMED_CAR = "malformed-car"
    WRONG_ROOT = "wrong-root"
    HASH_MISMATCH = "hash-mismatch"
    MALFORMED_COMMIT = "malformed-commit"
    WRONG_DID = "wrong-did"
    WRONG_REV = "wrong-rev"
    BAD_SIGNATURE = "bad-signature"
    MALFORMED_TREE = "malformed-tree"
    PARTIAL_TREE = "partial-tree"
    OP_MISMATCH = "op-mismatch"
    INVERSION_MISMATCH = "inversion-mismatch"
    MISSING_RECORD = "missing-record"
    OVERSIZE_RECORD = "oversize-record"
    TOO_LARGE = "too-large"

    @property
    def is_after_signature(self) -> bool:
        """The owner signed a newer commit that could not be followed: the repo needs a resync."""
        return self in _AFTER_SIGNATURE


_AFTER_SIGNATURE = frozenset(
    {
        Reason.MALFORMED_TREE,
        Reason.PARTIAL_TREE,
        Reason.OP_MISMATCH,
        Reason.INVERSION_MISMATCH,
        Reason.MISSING_RECORD,
        Reason.OVERSIZE_RECORD,
    }
)


class QuarantineReason(StrEnum):
    """Why a proven record is kept out of the index; its neighbours live."""

    UNDECODABLE = "undecodable"  # not a DAG-CBOR map, or past the limits of the data model
    INVALID_KEY = "invalid-key"
    INVALID_RECORD = "invalid-record"
    UNSTORABLE = "unstorable"  # valid, but a value in it is none that Postgres can hold


class Rejected(Exception):
    """The one way in which data of strangers fails."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Op:
    action: Action
    path: str
    cid: bytes | None
    prev: bytes | None


@dataclass(frozen=True, slots=True)
class Commit:
    seq: int
    did: Did
    rev: Tid
    since: Tid | None
    commit: bytes
    prev_data: bytes | None
    blocks: bytes
    ops: tuple[Op, ...]
    time: str


@dataclass(frozen=True, slots=True)
class Sync:
    seq: int
    did: Did
    rev: Tid
    blocks: bytes
    time: str


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    seq: int
    did: Did
    time: str


@dataclass(frozen=True, slots=True)
class AccountEvent:
    seq: int
    did: Did
    active: bool
    status: str | None
    time: str


@dataclass(frozen=True, slots=True)
class Info:
    name: str
    message: str | None


@dataclass(frozen=True, slots=True)
class StreamError:
    error: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind of frame that the protocol may add: to be ignored, its seq counts."""

    seq: int | None


Event = Commit | Sync | IdentityEvent | AccountEvent | Info | StreamError | Unknown


@dataclass(frozen=True, slots=True)
class VerifiedOp:
    """`value` is the record's DAG-CBOR block, its hash checked, not yet decoded."""

    collection: Nsid
    rkey: RecordKey
    action: Action
    cid: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class VerifiedCommit:
    """Made by `verify_commit` alone. `ops` holds those of the wanted collections.

    `complete_history`: the tree before was empty, so nothing older can be missing.
    `legacy`: nothing to invert to was given; inclusion is proven, completeness is not.
    """

    did: Did
    rev: Tid
    since: Tid | None
    data: bytes
    prev_data: bytes | None
    commit: bytes
    ops: tuple[VerifiedOp, ...]
    complete_history: bool
    legacy: bool


@dataclass(frozen=True, slots=True)
class VerifiedRoot:
    """A signed commit object by itself, at the root of a resync."""

    did: Did
    rev: Tid
    data: bytes
    commit: bytes


VerifiedSync = VerifiedRoot  # a #sync carries nothing else


@dataclass(frozen=True, slots=True)
class RecordChange:
    """The unit the writer takes; `cid` and `value` None: deleted. Not `live`: a walk found it."""

    did: Did
    collection: Nsid
    rkey: RecordKey
    rev: Tid
    cid: str | None
    value: bytes | None
    live: bool = True
