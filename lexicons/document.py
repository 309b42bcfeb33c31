"""The form of a lexicon document: what may be defined, under which name.

Spec: https://atproto.com/specs/lexicon#lexicon-files
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lexicons.schema import InvalidLexicon, Schema
from lexicons.syntax import Nsid, is_nsid

METHOD_TYPES = frozenset({"query", "procedure", "subscription"})
PRIMARY_TYPES = METHOD_TYPES | {"record", "permission-set"}
_DEFINABLE_TYPES = frozenset(
    {"array", "blob", "boolean", "bytes", "cid-link", "integer", "object", "string", "token"}
)
_FIELD_ONLY_TYPES = frozenset({"params", "permission", "ref", "union", "unknown"})
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


@dataclass(frozen=True, slots=True)
class Document:
    """`names` are all that may be referred to, `definitions` those of a type that we know."""

    nsid: Nsid
    names: frozenset[str]
    definitions: Mapping[str, Schema]
    raw: Mapping[str, Any]


def parse_document(raw: object) -> Document:
    if not isinstance(raw, dict):
        raise InvalidLexicon(f"a lexicon must be an object, got {type(raw).__name__}")
    version, nsid, defs = raw.get("lexicon"), raw.get("id"), raw.get("defs")
    if type(version) is not int or version != 1:
        raise InvalidLexicon(f"{nsid}: lexicon must be 1, got {version!r}")
    if not isinstance(nsid, str) or not is_nsid(nsid):
        raise InvalidLexicon(f"id must be an NSID, got {nsid!r}")
    if not isinstance(defs, dict) or not defs:
        raise InvalidLexicon(f"{nsid}: defs must be a non-empty object")
    known = {
        name: schema for name, schema in defs.items() if _is_known_definition(nsid, name, schema)
    }
    return Document(Nsid(nsid), frozenset(defs), known, raw)


def absolute(ref: str, nsid: str) -> str:
    """The name by which any document refers to what stands as `ref` in this one."""
    return nsid + ref if ref.startswith("#") else ref


def _is_known_definition(nsid: str, name: object, schema: object) -> bool:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise InvalidLexicon(f"{nsid}: not a name for a definition: {name!r}")
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(kind, str):
        raise InvalidLexicon(f"{nsid}#{name}: a definition needs a type")
    if kind in _FIELD_ONLY_TYPES:
        raise InvalidLexicon(f"{nsid}#{name}: {kind} can only be used in place")
    if kind in PRIMARY_TYPES and name != "main":
        raise InvalidLexicon(f"{nsid}#{name}: {kind} can only be the main definition")
    # Types of a later version of the language, such as space, are left out.
    return kind in PRIMARY_TYPES or kind in _DEFINABLE_TYPES
