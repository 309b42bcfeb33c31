"""A cursor of search holds the ranking itself: the ids of what is still to be shown.

So it is immutable, costs the server nothing, and every server can go on with it. Whatever ids
somebody puts in, only documents that match the query come out.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from appview.pagination import MAX_CURSOR, bad_cursor
from xrpc.errors import XrpcError

DEPTH = 300
"""Results that a walk can reach."""

LIFETIME_SECONDS = 3600
LEEWAY_SECONDS = 60
"""By which the clock of the server that made a cursor may be ahead."""

_LETTER = b"r"
_HEAD = struct.Struct(">cI4s")
_OF_PAGES = frozenset({"cursor", "limit"})


def checksum(method: str, params: Mapping[str, Any]) -> bytes:
    """Of what was asked, so that a cursor is not taken to another question."""
    asked = sorted((name, value) for name, value in params.items() if name not in _OF_PAGES)
    return blake2b(repr((method, asked)).encode(), digest_size=4).digest()


def encode(ids: Sequence[int], made_at: float, question: bytes) -> str:
    packed = bytearray(_HEAD.pack(_LETTER, int(made_at), question))
    for number in ids:
        left = number
        while left > 127:
            packed.append(128 | left & 127)
            left >>= 7
        packed.append(left)
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(cursor: str, now: float, question: bytes) -> tuple[list[int], int]:
    """The ids, and when the ranking was made."""
    try:
        packed = urlsafe_b64decode(cursor[:MAX_CURSOR] + "=" * (-len(cursor) % 4))
        letter, made_at, asked = _HEAD.unpack_from(packed)
        ids = _ids(packed[_HEAD.size :])
    except (ValueError, struct.error) as error:
        raise bad_cursor(cursor) from error
    is_ours = letter == _LETTER and 0 < len(ids) <= DEPTH and encode(ids, made_at, asked) == cursor
    if not is_ours or asked != question:
        raise bad_cursor(cursor)
    if not -LEEWAY_SECONDS <= now - made_at <= LIFETIME_SECONDS:
        raise XrpcError(400, "CursorExpired", "cursor: its ranking is an hour old; begin again")
    return ids, made_at


def _ids(packed: bytes) -> list[int]:
    ids, number, place = [], 0, 0
    for byte in packed:
        number |= (byte & 127) << place
        place += 7
        if byte < 128:
            ids.append(number)
            number, place = 0, 0
        if number >= 2**56 or place > 63:
            raise ValueError("an id beyond any table")
    if place:
        raise ValueError("cut off")
    return ids
