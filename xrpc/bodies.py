"""The body of a procedure call: bounded, unpacked, of the kind that the lexicon asks for."""

import zlib
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.types import Receive

from lexicons.catalog import Method
from lexicons.data_model import Value
from lexicons.schema import Invalid
from xrpc.errors import invalid_request, payload_too_large, unsupported_media_type

MAX_BODY_BYTES: Final = 100 * 1024
# For zlib: a gzip header or a zlib header.
_WINDOWS: Final = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


class Disconnected(Exception):
    """The client went away before it had said everything."""


async def read_input(method: Method, headers: Mapping[bytes, bytes], receive: Receive) -> Value:
    """None where the method takes no input. Raises XrpcError."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:12]) > MAX_BODY_BYTES:
        raise payload_too_large(MAX_BODY_BYTES)
    body = _unpacked(await _read(receive), headers.get(b"content-encoding", b""))
    if method.input is None:
        if body:
            raise invalid_request("a request body was provided when none was expected")
        return None
    if not body:
        raise invalid_request("a request body is expected but none was provided")
    _check_type(headers.get(b"content-type"), method.input.encoding)
    try:
        return method.input.validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise invalid_request(f"the request body is not JSON: {error}") from error
    except Invalid as error:
        raise invalid_request(f"the request body is invalid: {error}") from error


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise payload_too_large(MAX_BODY_BYTES)
        if not message.get("more_body", False):
            return body


def _unpacked(body: bytes, encoding: bytes) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {b"", b"identity"}:
        return body
    window = _WINDOWS.get(encoding)
    if window is None:
        name = encoding[:50].decode("latin-1")
        raise unsupported_media_type(f"unsupported Content-Encoding: {name}")
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise invalid_request(f"the request body cannot be decompressed: {error}") from error
    if len(unpacked) > MAX_BODY_BYTES:
        raise payload_too_large(MAX_BODY_BYTES)
    if not unpacker.eof and body:
        raise invalid_request("the request body ends in the middle of its compressed form")
    return unpacked


def _check_type(content_type: bytes | None, expected: str) -> None:
    if content_type is None:
        raise invalid_request("request encoding (Content-Type) required but not provided")
    media_type = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    if expected not in {"*/*", media_type}:
        raise invalid_request(f"wrong request encoding (Content-Type): {media_type[:100]}")
