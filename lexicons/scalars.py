"""Compiles the field types that hold no other fields.

Spec: https://atproto.com/specs/lexicon#field-type-definitions
"""

from collections.abc import Callable

import regex

from lexicons.cid import Cid
from lexicons.schema import (
    Check,
    Invalid,
    InvalidLexicon,
    Schema,
    Scope,
    allowed_values,
    bounds,
    check_bounds,
    mismatch,
    option,
    options,
)
from lexicons.syntax import FORMATS

_GRAPHEME = regex.compile(r"\X")
_INT64 = range(-(2**63), 2**63)


def compile_boolean(schema: Schema, scope: Scope) -> Check:
    allowed = allowed_values(schema, bool, scope)

    def check(value: object, _references: int) -> None:
        if type(value) is not bool:
            raise mismatch("a boolean", value)
        if allowed is not None and value not in allowed:
            raise Invalid("", f"must be {not value}".lower())

    return check


def compile_integer(schema: Schema, scope: Scope) -> Check:
    minimum, maximum = bounds(schema, "minimum", "maximum", scope)
    allowed = allowed_values(schema, int, scope)

    def check(value: object, _references: int) -> None:
        if type(value) is not int:
            raise mismatch("an integer", value)
        if value not in _INT64:
            raise Invalid("", "does not fit into 64 bits")
        if minimum is not None and value < minimum:
            raise Invalid("", f"must be at least {minimum}, got {value}")
        if maximum is not None and value > maximum:
            raise Invalid("", f"must be at most {maximum}, got {value}")
        if allowed is not None and value not in allowed:
            raise Invalid("", f"must be one of {sorted(allowed)}, got {value}")

    return check


def compile_string(schema: Schema, scope: Scope) -> Check:
    rules: list[Callable[[str], None]] = []
    allowed = allowed_values(schema, str, scope)
    if allowed is not None:
        rules.append(_one_of(allowed))
    if "format" in schema:
        rules.append(_format(schema["format"], scope))
    minimum, maximum = bounds(schema, "minLength", "maxLength", scope)
    if minimum is not None or maximum is not None:
        rules.append(_byte_length(minimum, maximum))
    minimum, maximum = bounds(schema, "minGraphemes", "maxGraphemes", scope)
    if minimum is not None or maximum is not None:
        rules.append(_graphemes(minimum, maximum))
    options(schema, "knownValues", str, scope)

    def check(value: object, _references: int) -> None:
        if type(value) is not str:
            raise mismatch("a string", value)
        for rule in rules:
            rule(value)

    return check


def _one_of(allowed: frozenset[str]) -> Callable[[str], None]:
    def rule(text: str) -> None:
        if text not in allowed:
            raise Invalid("", f"must be one of {sorted(allowed)}, got {text[:100]!r}")

    return rule


def _format(name: object, scope: Scope) -> Callable[[str], None]:
    is_valid = FORMATS.get(name) if isinstance(name, str) else None
    if is_valid is None:
        raise InvalidLexicon(f"{scope.nsid}: unknown format {name!r}")

    def rule(text: str) -> None:
        if not is_valid(text):
            raise Invalid("", f"expected the format {name}, got {text[:100]!r}")

    return rule


def _byte_length(minimum: int | None, maximum: int | None) -> Callable[[str], None]:
    def rule(text: str) -> None:
        try:
            length = len(text) if text.isascii() else len(text.encode())
        except UnicodeEncodeError:
            raise Invalid("", "is not Unicode") from None
        check_bounds(length, minimum, maximum, "bytes")

    return rule


def _graphemes(minimum: int | None, maximum: int | None) -> Callable[[str], None]:
    def rule(text: str) -> None:
        # A grapheme has one code point or more.
        if minimum is None and maximum is not None and len(text) <= maximum:
            return
        count = sum(1 for _ in _GRAPHEME.finditer(text))
        check_bounds(count, minimum, maximum, "graphemes")

    return rule


def compile_bytes(schema: Schema, scope: Scope) -> Check:
    minimum, maximum = bounds(schema, "minLength", "maxLength", scope)

    def check(value: object, _references: int) -> None:
        if type(value) is not bytes:
            raise mismatch("bytes", value)
        check_bounds(len(value), minimum, maximum, "bytes")

    return check


def compile_cid_link(_schema: Schema, _scope: Scope) -> Check:
    def check(value: object, _references: int) -> None:
        if type(value) is not Cid:
            raise mismatch("a link", value)

    return check


def compile_blob(schema: Schema, scope: Scope) -> Check:
    accept = options(schema, "accept", str, scope)
    whole = frozenset(pattern for pattern in accept if not pattern.endswith("/*"))
    prefixes = tuple(pattern[:-1] for pattern in accept if pattern.endswith("/*"))
    is_any_type = not accept or "*/*" in accept
    maximum = option(schema, "maxSize", int, scope)

    def check(value: object, _references: int) -> None:
        if type(value) is not dict or value.get("$type") != "blob":
            raise mismatch("a blob", value)
        size, mime_type = value.get("size"), value.get("mimeType")
        if type(value.get("ref")) is not Cid:
            raise Invalid("ref", "must be a link")
        if type(size) is not int or size < 0:
            raise Invalid("size", f"must be a size in bytes, got {size!r}")
        if maximum is not None and size > maximum:
            raise Invalid("size", f"must be at most {maximum}, got {size}")
        if type(mime_type) is not str or not mime_type:
            raise Invalid("mimeType", f"must be a MIME type, got {mime_type!r}")
        if not (is_any_type or mime_type in whole or mime_type.startswith(prefixes)):
            raise Invalid("mimeType", f"must be one of {list(accept)}, got {mime_type[:100]!r}")

    return check
