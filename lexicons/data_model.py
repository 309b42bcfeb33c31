"""Data as repositories hold it: strict DAG-CBOR, and the JSON that stands for it.

Decoding runs on hostile bytes: call it where the C stack has at least 1 MB (any normal thread).
Spec: https://atproto.com/specs/data-model
"""

import base64
import binascii
from typing import Any, TypeAlias, cast

import cbor2
import libipld

from lexicons.cid import Cid, InvalidCid, cid_from_bytes, parse_cid

Value: TypeAlias = "bool | int | str | bytes | Cid | list[Value] | dict[str, Value] | None"

MAX_RECORD_BYTES = 1_048_576
MAX_DEPTH = 64
_CID_TAG = 42
_INT64 = range(-(2**63), 2**63)
_MAX_JSON_FLOAT = 2**53


class InvalidData(ValueError):
    pass


def decode(block: bytes) -> Value:
    """Raises InvalidData for anything that is not the one canonical DAG-CBOR of some data."""
    # libipld first: it refuses foreign tags, which cbor2 would act upon (patterns, shared values).
    try:
        loose = libipld.decode_dag_cbor(block)
        value = cbor2.loads(block, tag_hook=_cid_of_tag, max_depth=MAX_DEPTH)
    except (ValueError, RecursionError, cbor2.CBORError) as error:
        raise InvalidData(f"not DAG-CBOR: {error}") from error
    _check(value)
    if not _is_canonical(loose, value, block):
        raise InvalidData("not canonical DAG-CBOR: encoding it again gives other bytes")
    return cast(Value, value)


def decode_record(block: bytes) -> dict[str, Value]:
    if len(block) > MAX_RECORD_BYTES:
        raise InvalidData(f"a record of {len(block)} bytes, over {MAX_RECORD_BYTES}")
    value = decode(block)
    if not isinstance(value, dict):
        raise InvalidData(f"a record must be a map, got {type(value).__name__}")
    return value


def encode(value: Value) -> bytes:
    _check(value)
    return _encode(value)


def to_json(value: Value) -> Any:  # noqa: ANN401 - JSON
    """What json or orjson can write; floats never occur."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).rstrip(b"=").decode()}
    if isinstance(value, Cid):
        return {"$link": str(value)}
    return value


def from_json(obj: object) -> Value:
    """Takes parsed JSON; floats without a fraction count as integers."""
    value = _from_json(obj, 0)
    _check(value)
    return value


def _cid_of_tag(tag: cbor2.CBORTag, _immutable: bool) -> Cid:
    raw = tag.value
    if tag.tag != _CID_TAG or not isinstance(raw, bytes) or not raw.startswith(b"\0"):
        raise InvalidCid(f"tag {tag.tag} is not a link")
    return cid_from_bytes(raw[1:])


def _is_canonical(loose: object, value: object, block: bytes) -> bool:
    # libipld writes byte strings that look like CIDs as links, so only its yes is an answer.
    try:
        if libipld.encode_dag_cbor(loose) == block:
            return True
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    return _encode(value) == block


def _encode(value: object) -> bytes:
    try:
        return cbor2.dumps(value, canonical=True, default=_encode_cid)
    except (cbor2.CBOREncodeError, UnicodeEncodeError) as error:
        raise InvalidData(f"no DAG-CBOR for this: {error}") from error


def _encode_cid(encoder: cbor2.CBOREncoder, value: object) -> None:
    assert isinstance(value, Cid)
    encoder.encode(cbor2.CBORTag(_CID_TAG, b"\0" + value.raw))


def _check(value: object, depth: int = 0) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is bytes or kind is Cid:
        return
    if kind is int:
        if value not in _INT64:
            raise InvalidData(f"integer beyond 64 bits: {value}")
    elif depth >= MAX_DEPTH:
        raise InvalidData(f"nested deeper than {MAX_DEPTH}")
    elif kind is dict:
        _check_map(cast("dict[object, object]", value), depth)
    elif kind is list:
        for item in cast("list[object]", value):
            _check(item, depth + 1)
    else:
        raise InvalidData(f"not part of the data model: {kind.__name__}")


def _check_map(value: dict[object, object], depth: int) -> None:
    for key, item in value.items():
        if type(key) is not str:
            raise InvalidData(f"map keys must be strings, got {key!r}")
        if key[:1] == "$":
            _check_reserved(key, value)
        _check(item, depth + 1)


def _check_reserved(key: str, value: dict[object, object]) -> None:
    if key in {"$link", "$bytes"}:
        raise InvalidData(f"a map with {key} cannot be told from a link or bytes in JSON")
    if key != "$type":
        return
    kind = value["$type"]
    if not isinstance(kind, str) or not kind:
        raise InvalidData(f"$type must be a non-empty string, got {kind!r}")
    if kind == "blob":
        _check_blob(value)


def _check_blob(blob: dict[object, object]) -> None:
    size, mime_type = blob.get("size"), blob.get("mimeType")
    if not isinstance(blob.get("ref"), Cid):
        raise InvalidData(f"blob: ref must be a link, got {blob.get('ref')!r}")
    if type(size) is not int or size < 0:
        raise InvalidData(f"blob: size must be a positive integer, got {size!r}")
    if not isinstance(mime_type, str) or not mime_type:
        raise InvalidData(f"blob: mimeType must be a non-empty string, got {mime_type!r}")


def _from_json(obj: object, depth: int) -> Value:
    if isinstance(obj, (dict, list)) and depth >= MAX_DEPTH:
        raise InvalidData(f"nested deeper than {MAX_DEPTH}")
    if isinstance(obj, dict):
        if "$link" in obj:
            return _link_from_json(obj)
        if "$bytes" in obj:
            return _bytes_from_json(obj)
        return {_text(key): _from_json(item, depth + 1) for key, item in obj.items()}
    if isinstance(obj, list):
        return [_from_json(item, depth + 1) for item in obj]
    if isinstance(obj, str):
        return _text(obj)
    if isinstance(obj, float):
        if not obj.is_integer() or abs(obj) > _MAX_JSON_FLOAT:
            raise InvalidData(f"floats are not part of the data model: {obj!r}")
        return int(obj)
    return cast(Value, obj)


def _text(text: str) -> str:
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise InvalidData(f"not Unicode: {text[:100]!r}") from error
    return text


def _link_from_json(obj: dict[str, object]) -> Cid:
    link = obj["$link"]
    if len(obj) != 1 or not isinstance(link, str):
        raise InvalidData("$link must be the only key, with a string")
    try:
        return parse_cid(link)
    except InvalidCid as error:
        raise InvalidData(f"$link: {error}") from error


def _bytes_from_json(obj: dict[str, object]) -> bytes:
    text = obj["$bytes"]
    if len(obj) != 1 or not isinstance(text, str):
        raise InvalidData("$bytes must be the only key, with a string")
    try:
        return base64.b64decode(
            text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise InvalidData(f"$bytes is not base64: {error}") from error
