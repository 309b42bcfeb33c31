"""DAG-CBOR, CIDs, CAR files and TIDs, written down a second time on purpose.

The world must not share a mistake with the program it tests, so nothing here imports the product.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cbor2

Decoded: TypeAlias = Any

DAG_CBOR = 0x71
RAW = 0x55

TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
BASE58_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A CIDv1 in binary, without the zero byte that tag 42 puts before it."""

    raw: bytes

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.raw).decode().lower().rstrip("=")

    @property
    def codec(self) -> int:
        return self.raw[1]


def link_to(block: bytes, codec: int = DAG_CBOR) -> Link:
    return Link(bytes([0x01, codec, 0x12, 0x20]) + hashlib.sha256(block).digest())


def parse_link(text: str) -> Link:
    assert text.startswith("b"), text
    body = text[1:].upper()
    return Link(base64.b32decode(body + "=" * (-len(body) % 8)))


def _encode_link(encoder: cbor2.CBOREncoder, value: object) -> None:
    if not isinstance(value, Link):
        raise TypeError(f"not in the data model: {value!r}")
    encoder.encode(cbor2.CBORTag(42, b"\x00" + value.raw))


def _decode_link(tag: cbor2.CBORTag, *_: object) -> Link:
    assert tag.tag == 42, tag
    value: bytes = tag.value
    assert value[:1] == b"\x00", tag
    return Link(value[1:])


def dag_cbor(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True, default=_encode_link)


def from_dag_cbor(block: bytes) -> Decoded:
    return cbor2.loads(block, tag_hook=_decode_link)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def car_section(link: Link, block: bytes) -> bytes:
    return varint(len(link.raw) + len(block)) + link.raw + block


def car_header(roots: Iterable[Link]) -> bytes:
    header = dag_cbor({"version": 1, "roots": list(roots)})
    return varint(len(header)) + header


def car(roots: Iterable[Link], blocks: Mapping[Link, bytes]) -> bytes:
    return car_header(roots) + b"".join(car_section(*item) for item in blocks.items())


def base58(data: bytes) -> str:
    number = int.from_bytes(data)
    digits = ""
    while number:
        number, rest = divmod(number, 58)
        digits = BASE58_ALPHABET[rest] + digits
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + digits


def tid(micros: int, clock_id: int = 0) -> str:
    number = (micros << 10) | clock_id
    return "".join(TID_ALPHABET[(number >> shift) & 31] for shift in range(60, -1, -5))


def tid_micros(text: str) -> int:
    number = 0
    for character in text:
        number = (number << 5) | TID_ALPHABET.index(character)
    return number >> 10


class TidClock:
    """TIDs of now, each later than the one before."""

    def __init__(self, clock_id: int = 0) -> None:
        self._clock_id = clock_id
        self._last = 0

    def next(self, ahead_seconds: float = 0) -> str:
        now = time.time_ns() // 1000 + int(ahead_seconds * 1_000_000)
        if ahead_seconds:
            return tid(now, self._clock_id)
        self._last = max(self._last + 1, now)
        return tid(self._last, self._clock_id)


def now_text() -> str:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanos // 1_000_000:03d}Z"
