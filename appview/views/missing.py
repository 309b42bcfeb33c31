"""What was asked for and is not shown, so that a client can tell gone from hidden."""

from collections.abc import Mapping

from lexicons.types import MissingItem
from xrpc.errors import XrpcError

NOT_INDEXED = "not-indexed"


def missing_item(uri: str, reasons: Mapping[str, str]) -> MissingItem:
    return {"uri": uri, "reason": reasons.get(uri, NOT_INDEXED)}


def missing_actor(actor: str, reasons: Mapping[str, str]) -> MissingItem:
    return {"uri": f"at://{actor}", "reason": reasons.get(actor, NOT_INDEXED)}


def track_not_shown(uri: str, reasons: Mapping[str, str]) -> XrpcError:
    is_gone = reasons.get(uri, NOT_INDEXED) in {"deleted", NOT_INDEXED}
    return _not_shown("TrackNotFound" if is_gone else "TrackUnavailable", uri, reasons)


def list_not_shown(uri: str, reasons: Mapping[str, str]) -> XrpcError:
    return _not_shown("ListNotFound", uri, reasons)


def _not_shown(name: str, uri: str, reasons: Mapping[str, str]) -> XrpcError:
    reason = reasons.get(uri, NOT_INDEXED)
    return XrpcError(400, name, f"uri: {uri} is not shown here: {reason}")
