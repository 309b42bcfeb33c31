"""All lexicon documents, compiled: what records must be, what methods take and answer.

A document is added as a file in the folders of its NSID; code asks the catalog, never the files.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast

from lexicons.data_model import InvalidData, Value, from_json
from lexicons.document import METHOD_TYPES, PRIMARY_TYPES, Document, parse_document
from lexicons.params import ParseParams, compile_params
from lexicons.schema import Check, Invalid, InvalidLexicon, Schema, Scope, mismatch
from lexicons.syntax import Nsid, is_nsid, is_record_key, is_tid
from lexicons.validate import compile_field, compile_object

Kind: TypeAlias = Literal["query", "procedure", "subscription"]
NAMESPACE = "fm.plyr"
_BODY_TYPES = frozenset({"object", "ref", "union"})
# The namespace moves the records and nothing else.
_RECORD_REFERENCE = re.compile(r'"fm\.plyr\.(track|like|comment|list|actor\.profile)(?=["#])')


@dataclass(frozen=True, slots=True)
class Body:
    encoding: str
    check: Check | None

    def validate(self, obj: object) -> Value:
        """Takes parsed JSON, answers with the data it stands for."""
        try:
            value = from_json(obj)
        except InvalidData as error:
            raise Invalid("", str(error)) from error
        if self.check is not None:
            self.check(value, 0)
        return value


@dataclass(frozen=True, slots=True)
class Method:
    """`parse_params` takes the pairs of a query string, without empty ones a value each."""

    nsid: Nsid
    kind: Kind
    errors: tuple[str, ...]
    parse_params: ParseParams
    input: Body | None
    output: Body | None

    def validate_output(self, obj: object) -> None:
        if self.output is None:
            raise Invalid("", f"{self.nsid} has no output")
        self.output.validate(obj)


@dataclass(frozen=True, slots=True)
class _Record:
    key: str
    is_key: Callable[[str], bool]
    check: Check


class Catalog:
    def __init__(self, documents: Iterable[object]) -> None:
        definitions: dict[str, Check] = {}
        records: dict[str, _Record] = {}
        methods: dict[str, Method] = {}
        parsed = [parse_document(raw) for raw in documents]
        for document in parsed:
            scope = Scope(document.nsid, document.names, definitions)
            _compile_definitions(document, scope, definitions)
            main = document.definitions.get("main", {})
            if main.get("type") == "record":
                records[document.nsid] = _compile_record(main, scope)
                definitions[document.nsid] = records[document.nsid].check
            elif main.get("type") in METHOD_TYPES:
                methods[document.nsid] = _compile_method(main, scope)
        self.documents: Mapping[str, Mapping[str, Any]] = MappingProxyType(
            {document.nsid: document.raw for document in parsed}
        )
        self.methods: Mapping[str, Method] = MappingProxyType(methods)
        self.collections = frozenset(records)
        self._records = records
        self._definitions = definitions
        if len(self.documents) != len(parsed):
            raise InvalidLexicon("two documents have the same id")

    def validate_record(self, collection: str, rkey: str, value: object) -> None:
        """Raises Invalid. The value is never changed: defaults are not put in."""
        record = self._records.get(collection)
        if record is None:
            raise Invalid("", f"no lexicon defines the record {collection}")
        if type(value) is not dict:
            raise mismatch("an object", value)
        if value.get("$type") != collection:
            raise Invalid("$type", f"must be {collection}, got {value.get('$type')!r:.100}")
        if not record.is_key(rkey):
            raise Invalid("rkey", f"must be a key of type {record.key}, got {rkey[:100]!r}")
        record.check(value, 0)

    def validate(self, name: str, value: object) -> None:
        """By the name of a definition, such as fm.plyr.feed.defs#trackView."""
        check = self._definitions.get(name)
        if check is None:
            raise Invalid("", f"no lexicon defines {name}")
        check(value, 0)


def load_catalog(namespace: str = NAMESPACE) -> Catalog:
    if not is_nsid(f"{namespace}.track"):
        raise InvalidLexicon(f"not a namespace for records: {namespace!r}")
    root = Path(__file__).parent
    return Catalog(_read(path, root, namespace) for path in sorted(root.rglob("*.json")))


def _read(path: Path, root: Path, namespace: str) -> object:
    text = path.read_text("utf-8")
    raw = json.loads(text)
    if raw.get("id") != ".".join(path.relative_to(root).with_suffix("").parts):
        raise InvalidLexicon(f"{path.name}: the id {raw.get('id')!r} is not the place of the file")
    moved: object = json.loads(_RECORD_REFERENCE.sub(rf'"{namespace}.\1', text))
    return moved


def _compile_definitions(document: Document, scope: Scope, definitions: dict[str, Check]) -> None:
    for name, schema in document.definitions.items():
        if schema["type"] not in PRIMARY_TYPES:
            definitions[scope.full_name(f"#{name}")] = compile_field(schema, scope)
        elif schema["type"] == "permission-set":
            _check_permission_set(schema, scope)


def _compile_record(main: Schema, scope: Scope) -> _Record:
    key, schema = main.get("key"), main.get("record")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise InvalidLexicon(f"{scope.nsid}: a record must be an object")
    if not isinstance(key, str):
        raise InvalidLexicon(f"{scope.nsid}: a record needs a key, got {key!r}")
    return _Record(key, _key_rule(key, scope), compile_object(schema, scope))


def _key_rule(key: str, scope: Scope) -> Callable[[str], bool]:
    rules: dict[str, Callable[[str], bool]] = {
        "tid": is_tid,
        "nsid": is_nsid,
        "any": is_record_key,
    }
    if key in rules:
        return rules[key]
    literal = key.removeprefix("literal:")
    if literal == key or not is_record_key(literal):
        raise InvalidLexicon(f"{scope.nsid}: unknown type of record key {key!r}")
    return lambda rkey: rkey == literal


def _compile_method(main: Schema, scope: Scope) -> Method:
    errors = main.get("errors", [])
    if not isinstance(errors, list) or any(
        not isinstance(error, dict) or not isinstance(error.get("name"), str) for error in errors
    ):
        raise InvalidLexicon(f"{scope.nsid}: each of errors needs a name")
    _check_message(main, scope)
    return Method(
        Nsid(scope.nsid),
        cast(Kind, main["type"]),
        tuple(error["name"] for error in errors),
        compile_params(main.get("parameters", {"type": "params"}), scope),
        _compile_body(main, "input", scope),
        _compile_body(main, "output", scope),
    )


def _compile_body(main: Schema, name: str, scope: Scope) -> Body | None:
    body = main.get(name)
    if body is None:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("encoding"), str):
        raise InvalidLexicon(f"{scope.nsid}: {name} needs an encoding")
    schema = body.get("schema")
    if schema is None:
        return Body(body["encoding"], None)
    if not isinstance(schema, dict) or schema.get("type") not in _BODY_TYPES:
        raise InvalidLexicon(f"{scope.nsid}: the schema of {name} must be an object, ref or union")
    return Body(body["encoding"], compile_field(schema, scope))


def _check_message(main: Schema, scope: Scope) -> None:
    if main["type"] != "subscription" or "message" not in main:
        return
    message = main["message"]
    schema = message.get("schema") if isinstance(message, dict) else None
    if not isinstance(schema, dict) or schema.get("type") != "union":
        raise InvalidLexicon(f"{scope.nsid}: the schema of message must be a union")
    compile_field(schema, scope)


def _check_permission_set(main: Schema, scope: Scope) -> None:
    permissions = main.get("permissions")
    if not isinstance(permissions, list) or any(
        not isinstance(item, dict)
        or item.get("type") != "permission"
        or not isinstance(item.get("resource"), str)
        for item in permissions
    ):
        raise InvalidLexicon(f"{scope.nsid}: permissions must list what is granted")
