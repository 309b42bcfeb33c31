"""Content identifiers in the form that ATProto blesses: CIDv1, sha2-256, DAG-CBOR or raw.

Inside the program a CID is its 36 raw bytes; text (base32, `b…`) exists only at the edges.
Spec: https://atproto.com/specs/data-model#link-and-cid-formats
"""

import hashlib
import re
from dataclasses import dataclass

import libipld

DAG_CBOR = 0x71
RAW = 0x55

_DAG_CBOR_PREFIX = bytes((1, DAG_CBOR, 0x12, 32))
_RAW_PREFIX = bytes((1, RAW, 0x12, 32))
_RAW_LENGTH = 36
# Both prefixes end within the eighth character, and the last character carries two zero bits.
_TEXT = re.compile(r"ba(?:fyrei|fkrei)[a-h][a-z2-7]{50}[aeimquy4]")


class InvalidCid(ValueError):
    pass


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """`raw` is the binary CID as in tag 42, without the leading zero byte."""

    raw: bytes

    def __str__(self) -> str:
        return cid_text(self.raw)

    @property
    def codec(self) -> int:
        return self.raw[1]


def is_cid(text: str) -> bool:
    return _TEXT.fullmatch(text) is not None


def parse_cid(text: str) -> Cid:
    if _TEXT.fullmatch(text) is None:
        raise InvalidCid(f"not a CIDv1 of sha2-256 in base32, DAG-CBOR or raw: {text[:100]!r}")
    raw: bytes = libipld.decode_multibase(text)[1]
    return Cid(raw)


def cid_from_bytes(raw: bytes) -> Cid:
    if len(raw) != _RAW_LENGTH or not raw.startswith((_DAG_CBOR_PREFIX, _RAW_PREFIX)):
        raise InvalidCid(f"not a binary CIDv1 of sha2-256, DAG-CBOR or raw: {raw[:40].hex()}")
    return Cid(raw)


def cid_text(raw: bytes) -> str:
    """The base32 form of any bytes: nothing is checked."""
    text: str = libipld.encode_multibase("b", raw)
    return text


def dag_cbor_cid(block: bytes) -> bytes:
    return _DAG_CBOR_PREFIX + hashlib.sha256(block).digest()


def raw_cid(content: bytes) -> bytes:
    return _RAW_PREFIX + hashlib.sha256(content).digest()
