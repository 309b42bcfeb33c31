"""Frames of com.atproto.sync.subscribeRepos: bytes to events.

A frame is two DAG-CBOR items, header and payload (https://atproto.com/specs/event-stream). Nearly
all of them are foreign, so `peek` decodes once and answers only what skipping needs; `decode` then
checks every field of those that concern us.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from reprlib import repr as shortened
from typing import Any, Final, TypeVar

from libipld import decode_dag_cbor_multi

from indexer.events import (
    AccountEvent,
    Action,
    Commit,
    Event,
    IdentityEvent,
    Info,
    Op,
    Reason,
    Rejected,
    StreamError,
    Sync,
    Unknown,
)
from lexicons.syntax import Did, InvalidSyntax, parse_did, parse_tid

# https://atproto.com/specs/sync and the lexicon of subscribeRepos
MAX_FRAME_BYTES: Final = 5_000_000
MAX_BLOCKS_BYTES: Final = 2_000_000
MAX_SYNC_BYTES: Final = 10_000
MAX_OPS: Final = 200
MAX_SEQ: Final = 2**53 - 1
MAX_PATH_BYTES: Final = 1024
MAX_CID_BYTES: Final = 100

# One byte can decode to an object of 72: past this size the items are counted before they are made.
UNCOUNTED_BYTES: Final = 65_536
MAX_ITEMS: Final = 20_000
MAX_WORD_CHARS: Final = 64
MAX_MESSAGE_CHARS: Final = 500

_ACTIONS: Final[Mapping[str, Action]] = {"create": "create", "update": "update", "delete": "delete"}
_LINK_PREFIX: Final = bytes.fromhex("01711220")

T = TypeVar("T")


class Kind(StrEnum):
    COMMIT = "commit"
    SYNC = "sync"
    IDENTITY = "identity"
    ACCOUNT = "account"
    INFO = "info"
    ERROR = "error"
    UNKNOWN = "unknown"


_COMMIT: Final = Kind.COMMIT  # up to Python 3.11 a member is slow to look up in its class
_KINDS: Final[Mapping[str, Kind]] = {
    "#commit": Kind.COMMIT,
    "#sync": Kind.SYNC,
    "#identity": Kind.IDENTITY,
    "#account": Kind.ACCOUNT,
    "#info": Kind.INFO,
}


@dataclass(slots=True)  # to make a named tuple takes twice as long, a frozen one five times
class Peek:
    """What skipping a frame needs; only `seq` is checked (None: there is no valid one).

    `touches`: a commit with an op in the collections asked for, or one too odd to tell.
    """

    kind: Kind
    seq: int | None
    did: str | None
    time: str | None
    touches: bool
    payload: dict[str, Any]


def decode_frame(frame: bytes) -> Event:
    return decode(peek(frame, ()))


def peek(frame: bytes, collections: Collection[str]) -> Peek:
    header, payload = two_maps(frame)
    kind = _kind(header)
    is_commit = kind is _COMMIT
    did, time = payload.get("repo" if is_commit else "did"), payload.get("time")
    return Peek(
        kind,
        _seq_or_none(payload),
        did if type(did) is str else None,
        time if type(time) is str else None,
        is_commit and _touches(payload, collections),
        payload,
    )


def decode(peeked: Peek) -> Event:
    """Check every field; the kinds that the protocol may add come back as Unknown."""
    payload = peeked.payload
    match peeked.kind:
        case Kind.COMMIT:
            return _commit(payload)
        case Kind.SYNC:
            seq, did, time = _origin(payload, "did")
            rev = _parsed(payload, "rev", parse_tid)
            return Sync(seq, did, rev, _blocks(payload, MAX_SYNC_BYTES), time)
        case Kind.IDENTITY:
            return IdentityEvent(*_origin(payload, "did"))
        case Kind.ACCOUNT:
            return _account(payload)
        case Kind.INFO:
            return Info(_word(payload, "name") or "", _message(payload))
        case Kind.ERROR:
            return StreamError(_word(payload, "error") or "", _message(payload))
        case _:
            return Unknown(peeked.seq)


def two_maps(frame: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(frame) > UNCOUNTED_BYTES:
        _refuse_amplification(frame)
    try:
        items = decode_dag_cbor_multi(frame)
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.MALFORMED_FRAME, f"frame of {len(frame)} bytes: {error}") from error
    if len(items) != 2:
        raise Rejected(Reason.MALFORMED_FRAME, f"frame of {len(items)} items, expected 2")
    header, payload = items
    if type(header) is not dict or type(payload) is not dict:
        raise Rejected(Reason.MALFORMED_FRAME, "frame whose header or payload is not a map")
    return header, payload


def _kind(header: dict[str, Any]) -> Kind:
    op = header.get("op")
    if type(op) is not int:
        raise Rejected(Reason.MALFORMED_FRAME, f"header op is no integer: {shortened(op)}")
    if op == 1:
        name = header.get("t")
        if type(name) is not str:
            raise Rejected(Reason.MALFORMED_FRAME, f"header t is no string: {shortened(name)}")
        return _KINDS.get(name) or Kind.UNKNOWN
    return Kind.ERROR if op == -1 else Kind.UNKNOWN


def _touches(payload: dict[str, Any], collections: Collection[str]) -> bool:
    try:
        ops = payload["ops"]
        if len(ops) > MAX_OPS:
            return True
        for op in ops:
            if op["path"].partition("/")[0] in collections:
                return True
    except (TypeError, KeyError, AttributeError):
        return True
    return False


def _refuse_amplification(frame: bytes) -> None:
    if len(frame) > MAX_FRAME_BYTES:
        raise Rejected(Reason.MALFORMED_FRAME, f"frame of {len(frame)} bytes")
    if has_more_items(frame, MAX_ITEMS):
        raise Rejected(Reason.MALFORMED_FRAME, f"frame of more than {MAX_ITEMS} items")


def has_more_items(cbor: bytes, limit: int) -> bool:
    """Count the items without making them; strings are stepped over, so real data is cheap."""
    position, end, count = 0, len(cbor), 0
    while position < end:
        count += 1
        if count > limit:
            return True
        major, argument = divmod(cbor[position], 32)
        position += 1
        if argument >= 24:
            width = 1 << min(argument - 24, 3)
            argument = int.from_bytes(cbor[position : position + width])
            position += width
        if major in {2, 3}:
            position += argument
    return False


def _commit(payload: dict[str, Any]) -> Commit:
    seq, did, time = _origin(payload, "repo")
    since, prev_data = payload.get("since"), payload.get("prevData")
    return Commit(
        seq=seq,
        did=did,
        rev=_parsed(payload, "rev", parse_tid),
        since=None if since is None else _parsed(payload, "since", parse_tid),
        commit=_link(payload, "commit"),
        prev_data=None if prev_data is None else _link(payload, "prevData"),
        blocks=_blocks(payload, MAX_BLOCKS_BYTES),
        ops=_ops(payload.get("ops")),
        time=time,
    )


def _ops(items: object) -> tuple[Op, ...]:
    if not isinstance(items, list) or len(items) > MAX_OPS:
        raise _invalid("ops", f"a list of at most {MAX_OPS}", items)
    ops = tuple(map(_op, items))
    if len({op.path for op in ops}) < len(ops):
        raise Rejected(Reason.INVALID_EVENT, "ops: two of one path")
    return ops


def _op(item: object) -> Op:
    """`prev` may be missing: producers before Sync 1.1 left it out."""
    if not isinstance(item, dict):
        raise _invalid("ops", "a map", item)
    path = item.get("path")
    if type(path) is not str or not 0 < len(path.encode()) <= MAX_PATH_BYTES:
        raise _invalid("ops.path", f"a string of 1 to {MAX_PATH_BYTES} bytes", path)
    name = item.get("action")
    action = _ACTIONS.get(name) if type(name) is str else None
    if action is None:
        raise _invalid("ops.action", "create, update or delete", name)
    cid, prev = _leaf(item, "cid"), _leaf(item, "prev")
    if (cid is None) != (action == "delete"):
        raise _invalid("ops.cid", f"what goes with {action}", cid)
    if action == "create" and prev is not None:
        raise _invalid("ops.prev", "none in a create", prev)
    return Op(action, path, cid, prev)


def _account(payload: dict[str, Any]) -> AccountEvent:
    active = payload.get("active")
    if type(active) is not bool:
        raise _invalid("active", "a boolean", active)
    seq, did, time = _origin(payload, "did")
    return AccountEvent(seq, did, active, _word(payload, "status"), time)


def _origin(payload: dict[str, Any], did_field: str) -> tuple[int, Did, str]:
    """`time` is informal by the specification: nothing but a short string is asked of it."""
    seq, time = _seq_or_none(payload), payload.get("time")
    if seq is None:
        raise _invalid("seq", "an integer from 1 to 2^53 - 1", payload.get("seq"))
    if type(time) is not str or len(time) > MAX_WORD_CHARS:
        raise _invalid("time", f"a string of at most {MAX_WORD_CHARS} characters", time)
    return seq, _parsed(payload, did_field, parse_did), time


def _seq_or_none(payload: dict[str, Any]) -> int | None:
    seq = payload.get("seq")
    return seq if type(seq) is int and 0 < seq <= MAX_SEQ else None


def _parsed(payload: dict[str, Any], field: str, parse: Callable[[str], T]) -> T:
    text = payload.get(field)
    if type(text) is not str:
        raise _invalid(field, "a string", text)
    try:
        return parse(text)
    except InvalidSyntax as error:
        raise Rejected(Reason.INVALID_EVENT, f"{field}: {error}") from error


def _blocks(payload: dict[str, Any], limit: int) -> bytes:
    blocks = payload.get("blocks")
    if type(blocks) is not bytes or len(blocks) > limit:
        raise _invalid("blocks", f"at most {limit} bytes", blocks)
    return blocks


def _link(payload: dict[str, Any], field: str) -> bytes:
    """A link to a commit or a tree node: of the one kind that the protocol writes."""
    link = payload.get(field)
    if type(link) is not bytes or len(link) != 36 or not link.startswith(_LINK_PREFIX):
        raise _invalid(field, "a link to DAG-CBOR by SHA-256", link)
    return link


def _leaf(item: dict[str, Any], field: str) -> bytes | None:
    """A link to a record, of any kind: foreign ones go through the inversion as they are."""
    link = item.get(field)
    if link is not None and (type(link) is not bytes or not 4 <= len(link) <= MAX_CID_BYTES):
        raise _invalid(f"ops.{field}", "a link", link)
    return link


def _word(payload: dict[str, Any], field: str) -> str | None:
    """A name from an open set: an overlong or unprintable one is as good as none."""
    word = payload.get(field)
    if type(word) is str and len(word) <= MAX_WORD_CHARS and word.isprintable():
        return word
    return None


def _message(payload: dict[str, Any]) -> str | None:
    message = payload.get("message")
    return message[:MAX_MESSAGE_CHARS] if type(message) is str else None


def _invalid(field: str, expected: str, got: object) -> Rejected:
    return Rejected(Reason.INVALID_EVENT, f"{field}: expected {expected}, got {shortened(got)}")
