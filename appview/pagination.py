"""Cursors: where a page ended, as a key that later inserts and deletes do not move.

A cursor is base64url of one letter for the order it belongs to, eight bytes, and a URI or a token.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from appview.row import Row
from lexicons.syntax import is_at_uri, is_did
from xrpc.errors import XrpcError, invalid_request

MAX_CURSOR = 12_000
MAX_POSITION = 2**31 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_EARLIEST_MICROS = (EARLIEST - _EPOCH) // _MICROSECOND
_LATEST_MICROS = (LATEST - _EPOCH) // _MICROSECOND


class Order(StrEnum):
    """One letter for each kind of key, so that no cursor is read in another's sense."""

    TIME = "t"
    OLDEST = "o"
    TIMESTAMP = "m"
    POSITION = "p"
    SNAPSHOT = "s"
    TITLE = "n"
    ALBUM = "a"
    ACCOUNT = "d"
    ACTIVITY = "e"
    LABEL = "l"


@dataclass(frozen=True, slots=True)
class Key:
    """`number` is in microseconds, milliseconds or places, as the order says."""

    number: int
    name: str = ""


def encode(order: Order, key: Key) -> str:
    packed = order.encode() + struct.pack(">q", key.number) + key.name.encode()
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(order: Order, cursor: str) -> Key:
    try:
        packed = urlsafe_b64decode(cursor[:MAX_CURSOR] + "=" * (-len(cursor) % 4))
        letter, number = struct.unpack_from(">cq", packed)
        key = Key(number, packed[9:].decode())
    except (ValueError, struct.error) as error:
        raise bad_cursor(cursor) from error
    # base64 forgives much: only what we wrote ourselves comes out the same again.
    if letter != order.encode() or encode(order, key) != cursor:
        raise bad_cursor(cursor)
    return key


def bad_cursor(cursor: str) -> XrpcError:
    return invalid_request(f"cursor: {cursor[:100]!r} is not one of this query")


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def time_key(
    cursor: str | None, start: datetime, order: Order = Order.TIME
) -> tuple[datetime, str]:
    """Where to go on from, in any list ordered by (sort_at, uri); `start` without a cursor."""
    if cursor is None:
        return start, ""
    key = decode(order, cursor)
    if not _EARLIEST_MICROS <= key.number <= _LATEST_MICROS or not _IS_NAME[order](key.name):
        raise bad_cursor(cursor)
    return _EPOCH + key.number * _MICROSECOND, key.name


def _is_deed(name: str) -> bool:
    """A record's URI; for what was added to a list, followed by that of the track."""
    return all(is_at_uri(part) for part in name.split(" ", 1))


_IS_NAME = {
    Order.TIME: is_at_uri,
    Order.OLDEST: is_at_uri,
    Order.ACCOUNT: is_did,
    Order.ACTIVITY: _is_deed,
}


def timestamp_key(cursor: str | None) -> tuple[int, str]:
    """The same in the order (timestamp_ms, uri), from its beginning without a cursor."""
    if cursor is None:
        return -1, ""
    key = decode(Order.TIMESTAMP, cursor)
    if key.number < 0 or not is_at_uri(key.name):
        raise bad_cursor(cursor)
    return key.number, key.name


def position_key(cursor: str | None) -> int:
    """The last place shown; -1 before the first."""
    if cursor is None:
        return -1
    key = decode(Order.POSITION, cursor)
    if key.name or not 0 <= key.number <= MAX_POSITION:
        raise bad_cursor(cursor)
    return key.number


def title_place(cursor: str | None) -> str:
    """The last title shown; empty before the first."""
    if cursor is None:
        return ""
    key = decode(Order.TITLE, cursor)
    if key.number or "\0" in key.name:
        raise bad_cursor(cursor)
    return key.name


def title_cursor(row: Row) -> str:
    return encode(Order.TITLE, Key(0, row["title_key"]))


def label_place(cursor: str | None) -> tuple[str, str, str, str]:
    """The uri, src, val and cid of the last label shown; all empty before the first."""
    if cursor is None:
        return "", "", "", ""
    key = decode(Order.LABEL, cursor)
    parts = key.name.split(" ", 3)
    if key.number or len(parts) != 4 or "\0" in key.name:
        raise bad_cursor(cursor)
    uri, src, cid, val = parts
    return uri, src, val, cid


def label_cursor(row: Row) -> str:
    name = " ".join(row[column] for column in ("uri", "src", "cid", "val"))
    return encode(Order.LABEL, Key(0, name))


@dataclass(frozen=True, slots=True)
class AlbumPlace:
    """The last item shown, and where it is in time if it is one that follows the list."""

    position: int = -1
    sort_at: datetime = EARLIEST
    uri: str = ""


def album_place(cursor: str | None) -> AlbumPlace:
    if cursor is None:
        return AlbumPlace()
    key = decode(Order.ALBUM, cursor)
    digits, _, uri = key.name.partition(" ")
    position = int(digits) if digits.isdecimal() and len(digits) < 11 else -1
    in_time = not uri or (_EARLIEST_MICROS <= key.number <= _LATEST_MICROS and is_at_uri(uri))
    if not 0 <= position <= MAX_POSITION or not in_time:
        raise bad_cursor(cursor)
    sort_at = _EPOCH + key.number * _MICROSECOND if uri else EARLIEST
    return AlbumPlace(position, sort_at, uri)


def encode_album_place(place: AlbumPlace) -> str:
    return encode(Order.ALBUM, Key(to_micros(place.sort_at), f"{place.position} {place.uri}"))


def timestamp_cursor(row: Row) -> str:
    return encode(Order.TIMESTAMP, Key(row["timestamp_ms"], row["uri"]))


def position_cursor(row: Row) -> str:
    return encode(Order.POSITION, Key(row["position"]))


def time_cursor(
    row: Row, order: Order = Order.TIME, *, at: str = "sort_at", uri: str = "uri"
) -> str:
    return encode(order, Key(to_micros(row[at]), row[uri]))


def page_of(
    rows: Sequence[Row], limit: int, cursor: Callable[[Row], str] = time_cursor
) -> tuple[Sequence[Row], str | None]:
    """The page of rows that were asked for with one more, and the cursor to what follows it."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(rows[limit - 1])


def looked_page(
    rows: Sequence[Row], limit: int, cursor: Callable[[Row], str] = time_cursor
) -> tuple[Sequence[Row], str | None]:
    """The page of a statement that looks at so many rows at most, whether they are shown or not.

    The last of so many has `is_last` and comes even where it lacks `is_shown`: the next page begins
    behind it.
    """
    if len(rows) > limit:
        return rows[:limit], cursor(rows[limit - 1])
    if not rows or not rows[-1]["is_last"]:
        return rows, None
    return [row for row in rows if row["is_shown"]], cursor(rows[-1])
