"""What every part of the schema compiler shares: errors, scope, and reading a schema's options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from lexicons.syntax import is_nsid

# The second argument counts the references followed so far: schemas may refer to themselves.
Check: TypeAlias = Callable[[object, int], None]
Schema: TypeAlias = Mapping[str, Any]
_Option = TypeVar("_Option", bool, int, str, "list[object]", "dict[str, object]")


class InvalidLexicon(ValueError):
    """A document that is not a lexicon: a mistake of its author, not of the data."""


class Invalid(ValueError):
    """Data that breaks its lexicon. `path` is empty for the whole, else as in `items/3/subject`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message

    def under(self, key: object) -> "Invalid":
        return Invalid(f"{key}/{self.path}" if self.path else str(key), self.message)


@dataclass(frozen=True, slots=True)
class Scope:
    """`definitions` fills up while the catalog compiles; checks look into it when they run."""

    nsid: str
    names: frozenset[str]
    definitions: Mapping[str, Check]

    def full_name(self, ref: object) -> str:
        """The key in `definitions`: the bare NSID for a main definition."""
        if not isinstance(ref, str):
            raise InvalidLexicon(f"{self.nsid}: a ref must be a string, got {ref!r}")
        nsid, _, name = ref.partition("#")
        if nsid and not is_nsid(nsid):
            raise InvalidLexicon(f"{self.nsid}: {ref!r} does not refer to an NSID")
        nsid = nsid or self.nsid
        name = name or "main"
        if nsid == self.nsid and name not in self.names:
            raise InvalidLexicon(f"{self.nsid}: {ref!r} refers to nothing in this document")
        return nsid if name == "main" else f"{nsid}#{name}"


def option(schema: Schema, name: str, kind: type[_Option], scope: Scope) -> _Option | None:
    """None where the schema does not have it, which is not the same as 0 or false."""
    value = schema.get(name)
    if value is None:
        return None
    if type(value) is not kind:
        raise InvalidLexicon(f"{scope.nsid}: {name} must be {kind.__name__}, got {value!r}")
    return value


def options(schema: Schema, name: str, kind: type[_Option], scope: Scope) -> tuple[_Option, ...]:
    values = schema.get(name, [])
    if not isinstance(values, list) or any(type(value) is not kind for value in values):
        raise InvalidLexicon(f"{scope.nsid}: {name} must list {kind.__name__}, got {values!r}")
    return tuple(values)


def bounds(schema: Schema, low: str, high: str, scope: Scope) -> tuple[int | None, int | None]:
    minimum, maximum = option(schema, low, int, scope), option(schema, high, int, scope)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise InvalidLexicon(f"{scope.nsid}: {low} {minimum} is over {high} {maximum}")
    return minimum, maximum


def allowed_values(schema: Schema, kind: type[_Option], scope: Scope) -> frozenset[_Option] | None:
    """What const and enum leave, None for everything."""
    const, default = option(schema, "const", kind, scope), option(schema, "default", kind, scope)
    enum = frozenset(options(schema, "enum", kind, scope)) if "enum" in schema else None
    if const is not None and default is not None:
        raise InvalidLexicon(f"{scope.nsid}: const and default exclude each other")
    if enum is not None and default is not None and default not in enum:
        raise InvalidLexicon(f"{scope.nsid}: the default {default!r} is not in the enum")
    if const is None:
        return enum
    return frozenset((const,)) if enum is None else enum & {const}


def check_bounds(count: int, minimum: int | None, maximum: int | None, unit: str) -> None:
    if maximum is not None and count > maximum:
        raise Invalid("", f"must have at most {maximum} {unit}, has {count}")
    if minimum is not None and count < minimum:
        raise Invalid("", f"must have at least {minimum} {unit}, has {count}")


def mismatch(expected: str, value: object) -> Invalid:
    names = {dict: "an object", list: "an array", type(None): "null", int: "an integer"}
    names |= {bool: "a boolean", str: "a string", bytes: "bytes", float: "a float"}
    return Invalid("", f"expected {expected}, got {names.get(type(value), type(value).__name__)}")
