"""Frames of com.atproto.label.subscribeLabels: bytes to labels not yet looked at.

https://atproto.com/specs/event-stream. plyr.fm's own labeler sends each frame as one JSON text
with `seq` and `labels`, and signatures as arrays of numbers: that is read, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any, Final

import orjson

from indexer.events import Info, Reason, Rejected, StreamError
from indexer.frames import MAX_MESSAGE_CHARS, MAX_SEQ, MAX_WORD_CHARS, two_maps

MAX_TEXT_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LabelsFrame:
    seq: int
    labels: Sequence[object]


def read_labels_frame(frame: bytes | str) -> LabelsFrame | Info | StreamError | None:
    """None for a kind that the protocol may add. Raises Rejected, and nothing else."""
    if isinstance(frame, str):
        return _labels(_json(frame))
    header, payload = two_maps(frame)
    match header.get("op"), header.get("t"):
        case 1, "#labels":
            return _labels(payload)
        case 1, "#info":
            return Info(_word(payload, "name"), _message(payload))
        case -1, _:
            return StreamError(_word(payload, "error"), _message(payload))
        case 1, str():
            return None
    raise _malformed("header", "one of a message or an error", header)


def _labels(payload: dict[str, Any]) -> LabelsFrame:
    seq, labels = payload.get("seq"), payload.get("labels")
    if type(seq) is not int or not 0 < seq <= MAX_SEQ:
        raise _malformed("seq", "an integer from 1 to 2^53 - 1", seq)
    if type(labels) is not list:
        raise _malformed("labels", "a list", labels)
    return LabelsFrame(seq, labels)


def _json(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT_BYTES:
        raise _malformed("text", f"at most {MAX_TEXT_BYTES} characters", text)
    try:
        payload = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed("text", "JSON", text) from error
    if not isinstance(payload, dict):
        raise _malformed("text", "an object", payload)
    labels = payload.get("labels")
    if isinstance(labels, list):
        payload["labels"] = [
            {**label, "sig": _bytes(label.get("sig"))} if isinstance(label, dict) else label
            for label in labels
        ]
    return payload


def _bytes(sig: object) -> object:
    try:
        return bytes(sig) if isinstance(sig, list) and len(sig) == 64 else sig
    except (TypeError, ValueError):
        return sig


def _word(payload: dict[str, Any], field: str) -> str:
    word = payload.get(field)
    return word[:MAX_WORD_CHARS] if isinstance(word, str) and word.isprintable() else ""


def _message(payload: dict[str, Any]) -> str | None:
    message = payload.get("message")
    return message[:MAX_MESSAGE_CHARS] if isinstance(message, str) else None


def _malformed(field: str, expected: str, got: object) -> Rejected:
    return Rejected(Reason.MALFORMED_FRAME, f"{field}: expected {expected}, got {shortened(got)}")
