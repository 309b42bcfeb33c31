"""atproto-accept-labelers and atproto-content-labelers: whose labels are asked for, and given.

https://atproto.com/specs/label#label-distribution. What a labeler takes down is hidden from
everybody, so every one that is named in an answer is named with `redact`.
"""

import re
from collections.abc import Sequence
from typing import Final

from lexicons.syntax import Did, is_did
from xrpc.errors import invalid_request
from xrpc.replies import RawHeaders

ACCEPT: Final = b"atproto-accept-labelers"
CONTENT: Final = b"atproto-content-labelers"

_PARAMETERS: Final = re.compile(r"(?:[ \t]*;[ \t]*[a-z*][a-z0-9_.*-]*(?:=[^;, \t]+)?)*[ \t]*")


def accepted(trusted: tuple[Did, ...], headers: Sequence[tuple[bytes, bytes]]) -> tuple[Did, ...]:
    """Of those whose labels there are, whom the caller takes: all, where nothing is said."""
    values = [value for name, value in headers if name == ACCEPT]
    if not values:
        return trusted
    text = b",".join(values).decode("latin-1")
    named = {_did(part) for part in text.split(",") if part.strip(" \t")}
    return tuple(did for did in trusted if did in named)


def content_labelers(labelers: Sequence[Did]) -> RawHeaders:
    if not labelers:
        return []
    return [(CONTENT, ", ".join(f"{did};redact" for did in labelers).encode())]


def _did(part: str) -> str:
    did, semicolon, parameters = part.strip(" \t").partition(";")
    did = did.rstrip(" \t")
    if not is_did(did) or not _PARAMETERS.fullmatch(semicolon + parameters):
        raise invalid_request(f"{ACCEPT.decode()}: expected DIDs, each with ;redact or without")
    return did
