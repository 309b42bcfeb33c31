"""CAR files, version 1. A block comes out only if its hash was found right.

https://ipld.io/specs/transport/car/carv1/: blocks come in any order, twice, or linked by nothing.
"""

import hashlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import BinaryIO, Final

from libipld import decode_dag_cbor

from indexer.events import Reason, Rejected

MAX_BLOCKS: Final = 10_000
MAX_HEADER_BYTES: Final = 8192
MAX_BLOCK_BYTES: Final = 2_000_000
MAX_NODES: Final = 1_000_000
# So many nodes have some four times as many records. A gigabyte of sections of nothing has more.
MAX_SECTIONS: Final = 5 * MAX_NODES

CID_BYTES: Final = 36
DAG_CBOR_SHA256: Final = bytes.fromhex("01711220")
_KNOWN: Final = frozenset({DAG_CBOR_SHA256, bytes.fromhex("01551220")})
_MAX_CID_BYTES: Final = 100
_MAX_VARINT_BYTES: Final = 5
_CHUNK_BYTES: Final = 1 << 18
_HEAD_BYTES: Final = 64
_NODE_START: Final = bytes.fromhex("a26165")  # a map of two, "e" first


@dataclass(frozen=True, slots=True)
class Car:
    roots: tuple[bytes, ...]
    blocks: dict[bytes, bytes]


def read_car(data: bytes, max_blocks: int = MAX_BLOCKS) -> Car:
    roots, position = _read_header(data)
    blocks: dict[bytes, bytes] = {}
    end = len(data)
    count = 0
    while position < end:
        count += 1
        if count > max_blocks:
            raise Rejected(Reason.TOO_LARGE, f"CAR of more than {max_blocks} blocks")
        length, start = _read_varint(data, position)
        position = start + length
        if position > end:
            raise Rejected(Reason.MALFORMED_CAR, f"CAR ends in a section of {length} bytes")
        body = _end_of_cid(data, start, position)
        cid, block = data[start:body], data[body:position]
        if _is_proven(cid, block):
            blocks[cid] = block
    return Car(roots, blocks)


class CarFile:
    """A CAR too large for memory, on disk. One pass finds the tree nodes, the rest stays there."""

    def __init__(
        self, file: BinaryIO, max_nodes: int = MAX_NODES, max_sections: int = MAX_SECTIONS
    ) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)
        self.roots, self._body = _read_header(file.read(MAX_HEADER_BYTES + _MAX_VARINT_BYTES))
        self._nodes: dict[bytes, tuple[int, int]] = {}
        for number, (offset, length, head) in enumerate(self._sections()):
            if number == max_sections:
                raise Rejected(Reason.TOO_LARGE, f"CAR of more than {max_sections} sections")
            if head[CID_BYTES : CID_BYTES + 3] == _NODE_START:
                self._nodes[head[:CID_BYTES]] = (offset, length)
                if len(self._nodes) > max_nodes:
                    raise Rejected(Reason.TOO_LARGE, f"CAR of more than {max_nodes} tree nodes")

    def find(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Those of the wanted blocks that are there; for other than tree nodes in one more pass."""
        nodes = wanted & self._nodes.keys()
        for cid in nodes:
            yield cid, self._read(cid, *self._nodes[cid])
        missing = set(wanted - nodes)
        if not missing:
            return
        for offset, length, head in self._sections():
            cid = head[:CID_BYTES]
            if cid in missing:
                yield cid, self._read(cid, offset, length)
                missing.discard(cid)
                if not missing:
                    return

    def _sections(self) -> Iterator[tuple[int, int, bytes]]:
        """Offset, length and first bytes of each section, which begins with its CID."""
        base, position, buffer = self._body, 0, b""
        while True:
            if position + _HEAD_BYTES > len(buffer):
                base += position
                if base >= self._size:
                    break
                self._file.seek(base)
                buffer, position = self._file.read(_CHUNK_BYTES), 0
            head = buffer[position : position + 2]
            if len(head) == 2 and head[0] > 0x7F and 0 < head[1] < 0x80:  # a million times over
                length, body = head[0] & 0x7F | head[1] << 7, position + 2
            else:
                length, body = _read_varint(buffer, position)
            yield base + body, length, buffer[body : body + _HEAD_BYTES]
            position = body + length
        if base > self._size:
            raise Rejected(Reason.MALFORMED_CAR, f"CAR file ends {base - self._size} bytes early")

    def _read(self, cid: bytes, offset: int, length: int) -> bytes:
        if not CID_BYTES <= length <= CID_BYTES + MAX_BLOCK_BYTES:
            raise Rejected(Reason.TOO_LARGE, f"CAR section of {length} bytes")
        self._file.seek(offset + CID_BYTES)
        block = self._file.read(length - CID_BYTES)
        if not _is_proven(cid, block):
            raise Rejected(Reason.MALFORMED_CAR, f"no hash to prove block {cid.hex()} by")
        return block


def _read_header(data: bytes) -> tuple[tuple[bytes, ...], int]:
    length, position = _read_varint(data, 0)
    stop = position + length
    if length > MAX_HEADER_BYTES or stop > len(data):
        raise Rejected(Reason.MALFORMED_CAR, f"header of {length} bytes in a CAR of {len(data)}")
    try:
        header = decode_dag_cbor(data[position:stop])
    except (ValueError, RecursionError) as error:
        raise Rejected(Reason.MALFORMED_CAR, f"CAR header: {error}") from error
    if type(header) is not dict or header.get("version") != 1:
        raise Rejected(Reason.MALFORMED_CAR, "CAR header is not a map of version 1")
    roots = header.get("roots")
    if type(roots) is not list or not all(type(root) is bytes for root in roots):
        raise Rejected(Reason.MALFORMED_CAR, "CAR roots are not a list of links")
    return tuple(roots), stop


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """LEB128 as multiformats has it: unsigned, no longer than needed."""
    value = 0
    for index, byte in enumerate(data[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index:
                raise Rejected(Reason.MALFORMED_CAR, f"padded varint at {position}")
            return value, position + index + 1
    raise Rejected(Reason.MALFORMED_CAR, f"unfinished varint at {position}")


def _end_of_cid(data: bytes, start: int, stop: int) -> int:
    """Where the block begins in a section. CIDs of any codec and hash may stand there."""
    prefix = data[start : start + 4]
    if prefix in _KNOWN:
        end = start + CID_BYTES
    else:
        version, position = _read_varint(data, start)
        if version != 1:
            raise Rejected(Reason.MALFORMED_CAR, f"CID of version {version}")
        _, position = _read_varint(data, position)
        _, position = _read_varint(data, position)
        digest_bytes, position = _read_varint(data, position)
        end = position + digest_bytes
    if end > stop or end - start > _MAX_CID_BYTES:
        raise Rejected(Reason.MALFORMED_CAR, f"CID of {end - start} bytes past its section")
    return end


def _is_proven(cid: bytes, block: bytes) -> bool:
    """False: by a hash that we do not compute, so the block counts as not there."""
    if len(cid) != CID_BYTES or cid[:4] not in _KNOWN:
        return False
    if hashlib.sha256(block).digest() != cid[4:]:
        raise Rejected(Reason.HASH_MISMATCH, f"block of {len(block)} bytes is not {cid.hex()}")
    return True
