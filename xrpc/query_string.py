"""The query string of a request: pairs of text, then what the method's lexicon makes of them."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from lexicons.catalog import Method
from lexicons.schema import Invalid
from xrpc.errors import invalid_request

MAX_PARAMS: Final = 1_000


def read_params(method: Method, query: bytes) -> dict[str, Any]:
    """Raises XrpcError, with a message that begins with the parameter's name."""
    pairs = _pairs(query) if query else []
    try:
        return method.parse_params(pairs)
    except Invalid as error:
        raise invalid_request(str(error)) from error


def _pairs(query: bytes) -> list[tuple[str, str]]:
    # What is no UTF-8 is kept as surrogates until it can be told where it stands.
    text = query.decode("ascii", "surrogateescape")
    try:
        pairs = parse_qsl(text, errors="surrogateescape", max_num_fields=MAX_PARAMS)
    except ValueError as error:
        raise invalid_request(f"more than {MAX_PARAMS} parameters") from error
    if b"%" in query or not query.isascii():
        _check_text(pairs)
    return pairs


def _check_text(pairs: Sequence[tuple[str, str]]) -> None:
    for name, value in pairs:
        shown = name[:100].encode("ascii", "backslashreplace").decode()
        if "\0" in value:
            raise invalid_request(f"{shown}: holds U+0000, which no text here may")
        try:
            (name + value).encode()
        except UnicodeEncodeError:
            raise invalid_request(f"{shown}: is not UTF-8") from None
