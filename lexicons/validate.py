"""Compiles field schemas into closures: what a lexicon says is checked, the rest is left alone.

Values are those of data_model. A new field type is a function and its line in _COMPILERS.
Spec: https://atproto.com/specs/lexicon
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lexicons.scalars import (
    compile_blob,
    compile_boolean,
    compile_bytes,
    compile_cid_link,
    compile_integer,
    compile_string,
)
from lexicons.schema import (
    Check,
    Invalid,
    InvalidLexicon,
    Schema,
    Scope,
    bounds,
    check_bounds,
    mismatch,
    option,
    options,
)

MAX_REFERENCES = 64


def compile_field(schema: object, scope: Scope) -> Check:
    if not isinstance(schema, dict):
        raise InvalidLexicon(f"{scope.nsid}: a schema must be an object, got {schema!r}")
    kind = schema.get("type")
    if not isinstance(kind, str):
        raise InvalidLexicon(f"{scope.nsid}: a schema needs a type, got {kind!r}")
    compiler = _COMPILERS.get(kind)
    # A type of a later version of the language says nothing that we could hold a value to.
    return _accept if compiler is None else compiler(schema, scope)


def compile_object(schema: Schema, scope: Scope) -> Check:
    properties = option(schema, "properties", dict, scope) or {}
    fields = {name: compile_field(field, scope) for name, field in properties.items()}
    required_names = options(schema, "required", str, scope)
    required = frozenset(required_names)
    nullable = frozenset(options(schema, "nullable", str, scope))
    if not required | nullable <= fields.keys():
        unknown = sorted((required | nullable) - fields.keys())
        raise InvalidLexicon(f"{scope.nsid}: required or nullable, but no property: {unknown}")

    def check(value: object, references: int) -> None:
        if type(value) is not dict:
            raise mismatch("an object", value)
        if not required <= value.keys():
            missing = next(name for name in required_names if name not in value)
            raise Invalid(missing, "is required")
        for key, item in value.items():
            field = fields.get(key)
            if field is None or (item is None and key in nullable):
                continue
            try:
                field(item, references)
            except Invalid as error:
                raise error.under(key) from None

    return check


def compile_array(schema: Schema, scope: Scope) -> Check:
    item_check = compile_field(schema.get("items"), scope)
    minimum, maximum = bounds(schema, "minLength", "maxLength", scope)

    def check(value: object, references: int) -> None:
        if type(value) is not list:
            raise mismatch("an array", value)
        check_bounds(len(value), minimum, maximum, "items")
        for index, item in enumerate(value):
            try:
                item_check(item, references)
            except Invalid as error:
                raise error.under(index) from None

    return check


def compile_ref(schema: Schema, scope: Scope) -> Check:
    name = scope.full_name(schema.get("ref"))
    definitions = scope.definitions

    def check(value: object, references: int) -> None:
        if references >= MAX_REFERENCES:
            raise Invalid("", f"nested deeper than {MAX_REFERENCES} references")
        definition = definitions.get(name)
        if definition is None:
            raise Invalid("", f"cannot be checked: no lexicon defines {name}")
        definition(value, references + 1)

    return check


def compile_union(schema: Schema, scope: Scope) -> Check:
    names = frozenset(scope.full_name(ref) for ref in options(schema, "refs", str, scope))
    is_closed = option(schema, "closed", bool, scope) or False
    if is_closed and not names:
        raise InvalidLexicon(f"{scope.nsid}: a closed union needs refs")
    definitions = scope.definitions

    def check(value: object, references: int) -> None:
        if type(value) is not dict:
            raise mismatch("an object with a $type", value)
        kind = value.get("$type")
        if type(kind) is not str or not kind:
            raise Invalid("$type", "is required in a union")
        name = kind.removesuffix("#main")
        if references >= MAX_REFERENCES:
            raise Invalid("", f"nested deeper than {MAX_REFERENCES} references")
        if name in names and (definition := definitions.get(name)) is not None:
            definition(value, references + 1)
        elif is_closed:
            raise Invalid("$type", f"must be one of {sorted(names)}, got {kind[:100]!r}")

    return check


def compile_unknown(_schema: Schema, _scope: Scope) -> Check:
    def check(value: object, _references: int) -> None:
        if type(value) is not dict or value.get("$type") == "blob":
            raise mismatch("an object that is no blob", value)

    return check


def compile_token(_schema: Schema, _scope: Scope) -> Check:
    def check(value: object, _references: int) -> None:
        raise mismatch("nothing: a token is no data", value)

    return check


def _accept(_value: object, _references: int) -> None:
    return


_COMPILERS: Mapping[str, Callable[[Schema, Scope], Check]] = MappingProxyType(
    {
        "array": compile_array,
        "blob": compile_blob,
        "boolean": compile_boolean,
        "bytes": compile_bytes,
        "cid-link": compile_cid_link,
        "integer": compile_integer,
        "object": compile_object,
        "ref": compile_ref,
        "string": compile_string,
        "token": compile_token,
        "union": compile_union,
        "unknown": compile_unknown,
    }
)
