"""Query parameters: from the pairs of a query string to typed values, by a method's lexicon.

Spec: https://atproto.com/specs/xrpc#lexicon-http-endpoints
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lexicons.schema import Check, Invalid, InvalidLexicon, Schema, Scope, option, options
from lexicons.validate import compile_field

ParseParams: TypeAlias = Callable[[Sequence[tuple[str, str]]], dict[str, Any]]
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Param:
    convert: Callable[[str], bool | int | str]
    check: Check
    is_array: bool
    is_required: bool
    default: object


def compile_params(schema: Schema, scope: Scope) -> ParseParams:
    if schema.get("type") != "params":
        raise InvalidLexicon(f"{scope.nsid}: parameters must be of type params")
    properties = option(schema, "properties", dict, scope) or {}
    required = frozenset(options(schema, "required", str, scope))
    if not required <= properties.keys():
        raise InvalidLexicon(f"{scope.nsid}: required, but no parameter: {sorted(required)}")
    params = {
        name: _param(field, scope, is_required=name in required)
        for name, field in properties.items()
    }

    def parse(items: Sequence[tuple[str, str]]) -> dict[str, Any]:
        given: dict[str, list[str]] = {}
        for name, text in items:
            if text and name in params:
                given.setdefault(name, []).append(text)
        values: dict[str, Any] = {}
        for name, param in params.items():
            if name in given:
                values[name] = _value(name, param, given[name])
            elif param.is_required:
                raise Invalid(name, "is required")
            elif param.default is not None:
                values[name] = param.default
        return values

    return parse


def _param(field: object, scope: Scope, *, is_required: bool) -> _Param:
    check = compile_field(field, scope)
    assert isinstance(field, dict)
    is_array = field["type"] == "array"
    kind = field["items"]["type"] if is_array else field["type"]
    convert = _CONVERT.get(kind)
    if convert is None:
        raise InvalidLexicon(f"{scope.nsid}: {kind} cannot be a parameter")
    return _Param(convert, check, is_array, is_required, field.get("default"))


def _value(name: str, param: _Param, texts: list[str]) -> object:
    if len(texts) > 1 and not param.is_array:
        raise Invalid(name, f"was given {len(texts)} times, and takes one value")
    try:
        values = [param.convert(text) for text in texts]
        value = values if param.is_array else values[0]
        param.check(value, 0)
    except Invalid as error:
        raise error.under(name) from None
    return value


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise Invalid("", f"expected an integer, got {text[:100]!r}")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise Invalid("", f"expected true or false, got {text[:100]!r}")
    return _BOOLEANS[text]


def _string(text: str) -> str:
    return text


_CONVERT: dict[str, Callable[[str], bool | int | str]] = {
    "boolean": _boolean,
    "integer": _integer,
    "string": _string,
}
