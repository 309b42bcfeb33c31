"""DAG-CBOR once more, byte by byte from the rules: data_model.decode must agree with it."""

from lexicons.cid import InvalidCid, cid_from_bytes
from lexicons.data_model import Value


class Refused(ValueError):
    pass


def slow_decode(block: bytes) -> Value:
    value, end = _item(block, 0, 0)
    if end != len(block):
        raise Refused("trailing bytes")
    return value


def _item(block: bytes, at: int, depth: int) -> tuple[Value, int]:
    if at >= len(block):
        raise Refused("too short")
    major, low = block[at] >> 5, block[at] & 31
    if major == 7:
        if low not in {20, 21, 22}:
            raise Refused("neither false, true nor null")
        return {20: False, 21: True, 22: None}[low], at + 1
    number, at = _argument(block, at + 1, low)
    if major in {0, 1}:
        if number >= 2**63:
            raise Refused("beyond 64 bits")
        return (number if major == 0 else -1 - number), at
    if major in {2, 3}:
        return _string(block, at, number, is_text=major == 3)
    if major == 6:
        return _link(block, at, number, depth)
    if depth >= 64:
        raise Refused("too deep")
    return (_array if major == 4 else _map)(block, at, number, depth)


def _argument(block: bytes, at: int, low: int) -> tuple[int, int]:
    if low < 24:
        return low, at
    if low > 27:
        raise Refused("indefinite or reserved length")
    size = 1 << (low - 24)
    number = int.from_bytes(block[at : at + size], "big")
    least = 24 if size == 1 else 1 << (size * 4)
    if at + size > len(block) or number < least:
        raise Refused("too short, or not in the fewest bytes")
    return number, at + size


def _string(block: bytes, at: int, length: int, *, is_text: bool) -> tuple[Value, int]:
    raw = block[at : at + length]
    if len(raw) != length:
        raise Refused("too short")
    try:
        return (raw.decode() if is_text else raw), at + length
    except UnicodeDecodeError as error:
        raise Refused("not UTF-8") from error


def _link(block: bytes, at: int, tag: int, depth: int) -> tuple[Value, int]:
    raw, end = _item(block, at, depth)
    if tag != 42 or not isinstance(raw, bytes) or raw[:1] != b"\0":
        raise Refused("not a link")
    try:
        return cid_from_bytes(raw[1:]), end
    except InvalidCid as error:
        raise Refused("not a CID") from error


def _array(block: bytes, at: int, length: int, depth: int) -> tuple[Value, int]:
    items: list[Value] = []
    for _ in range(length):
        item, at = _item(block, at, depth + 1)
        items.append(item)
    return items, at


def _map(block: bytes, at: int, length: int, depth: int) -> tuple[Value, int]:
    items: dict[str, Value] = {}
    last: tuple[int, bytes] | None = None
    for _ in range(length):
        key, at = _item(block, at, depth + 1)
        if not isinstance(key, str):
            raise Refused("a key that is no string")
        order = (len(key.encode()), key.encode())
        if last is not None and order <= last:
            raise Refused("keys out of order")
        last = order
        items[key], at = _item(block, at, depth + 1)
    return items, at
