"""Writes types.py from the documents: `python -m lexicons.codegen`.

Views are named by their definition, parameters and outputs by their method. Records have no
types: what is read of them was validated, and stands in one place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

from lexicons.catalog import Catalog, load_catalog
from lexicons.document import METHOD_TYPES, absolute

TYPES = Path(__file__).with_name("types.py")
MAX_LINE = 100
OF_OTHERS = ("parts.page.",)
_HEADER = '''"""What queries take and answer. Written by codegen.py: change the documents."""

# ruff: noqa: N815

from __future__ import annotations
'''
_SCALARS = {
    "blob": "dict[str, Any]",
    "boolean": "bool",
    "bytes": "dict[str, str]",
    "cid-link": "dict[str, str]",
    "integer": "int",
    "string": "str",
    "unknown": "dict[str, Any]",
}


def generate(catalog: Catalog) -> str:
    documents = {
        nsid: document
        for nsid, document in catalog.documents.items()
        if nsid not in catalog.collections
    }
    variants = frozenset(_union_refs(documents))
    classes = [
        text for nsid, document in documents.items() for text in _classes(nsid, document, variants)
    ]
    body = "\n\n" + "\n\n\n".join(classes) + "\n"
    names = ("Any", "Literal", "NotRequired", "TypedDict")
    used = ", ".join(name for name in names if re.search(rf"\b{name}\b", body))
    imports = ["import builtins"] if "builtins." in body else []
    imports += ["from datetime import datetime"] if "| datetime" in body else []
    imports.append(f"from typing import {used}")
    return "\n".join((_HEADER, *imports, body))


def _classes(nsid: str, document: Mapping[str, Any], variants: frozenset[str]) -> Iterator[str]:
    for name, schema in document["defs"].items():
        if schema["type"] == "object":
            yield _object(_full_name(nsid, name), schema, nsid, variants)
        elif schema["type"] in METHOD_TYPES:
            yield from _method(schema, nsid)


def _method(schema: Mapping[str, Any], nsid: str) -> Iterator[str]:
    """What it takes and answers, where that is JSON."""
    name = _method_name(nsid)
    taken, answered = (schema.get(body, {}).get("schema") for body in ("input", "output"))
    if schema["type"] != "procedure":
        yield _class(f"{name}Params", _given(_params(schema.get("parameters", {}), nsid)))
    if taken is not None:
        yield _class(f"{name}Input", _given(_fields(taken, nsid)))
    if answered is not None:
        yield _class(f"{name}Output", _fields(answered, nsid))


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    """What comes in is a string; what goes out the JSON encoder may write."""
    return {name: text.replace(" | datetime", "") for name, text in fields.items()}


def _object(name: str, schema: Mapping[str, Any], nsid: str, variants: frozenset[str]) -> str:
    fields, description = _fields(schema, nsid), schema.get("description", "")
    if name not in variants:
        return _class(_type_name(name), fields, description)
    # A member of a union says which one it is, under a name that no class body can have.
    base = f"_{_type_name(name)}Kind"
    kind = f'{{"$type": NotRequired[Literal["{name}"]]}}'
    head = f'{base} = TypedDict(\n    "{base}",\n    {kind},\n)'
    return f"{head}\n\n\n{_class(_type_name(name), fields, description, base)}"


def _class(
    name: str, fields: Mapping[str, str], description: str = "", base: str = "TypedDict"
) -> str:
    # A field like `class` stands in a base of its own: no class body can have it.
    reserved = {field: text for field, text in fields.items() if iskeyword(field)}
    if reserved:
        own = f"_{name}Reserved"
        entries = ", ".join(f'"{field}": {text}' for field, text in reserved.items())
        head = f'{own} = TypedDict("{own}", {{{entries}}})'
        others = {field: text for field, text in fields.items() if field not in reserved}
        assert base == "TypedDict", f"{name}: {', '.join(reserved)} in a member of a union"
        return f"{head}\n\n\n{_class(name, others, description, own)}"
    lines = [f"class {name}({base}):"]
    docstring = f'    """{description}"""'
    if description and len(docstring) <= MAX_LINE:
        lines += [docstring, ""]
    # In the body of a class with a field `list`, that word means the field.
    prefix = "builtins." if "list" in fields else ""
    lines += [
        f"    {field}: {annotation.replace('list[', prefix + 'list[')}"
        for field, annotation in fields.items()
    ]
    if not fields:
        lines = [lines[0], docstring if description else "    pass"]
    return "\n".join(lines)


def _params(schema: Mapping[str, Any], nsid: str) -> dict[str, str]:
    defaults = [name for name, field in schema.get("properties", {}).items() if "default" in field]
    return _fields({**schema, "required": [*schema.get("required", []), *defaults]}, nsid)


def _fields(schema: Mapping[str, Any], nsid: str) -> dict[str, str]:
    required = schema.get("required", [])
    annotations = {
        name: _annotation(field, nsid) for name, field in schema.get("properties", {}).items()
    }
    return {
        name: annotation if name in required else f"NotRequired[{annotation}]"
        for name, annotation in annotations.items()
    }


def _annotation(schema: Mapping[str, Any], nsid: str) -> str:
    kind = schema["type"]
    if kind == "array":
        return f"list[{_annotation(schema['items'], nsid)}]"
    if kind == "ref":
        return _type_name(absolute(schema["ref"], nsid))
    if kind == "union":
        return " | ".join(_type_name(absolute(ref, nsid)) for ref in schema["refs"])
    if kind == "string" and "enum" in schema:
        values = ", ".join(f'"{value}"' for value in schema["enum"])
        return f"Literal[{values}]"
    if kind == "string" and schema.get("format") == "datetime":
        return "str | datetime"
    return _SCALARS[kind]


def _union_refs(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for nsid, document in documents.items():
        for schema in _schemas(document["defs"]):
            if schema.get("type") == "union":
                yield from (absolute(ref, nsid) for ref in schema["refs"])


def _schemas(tree: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    children: Iterable[object] = ()
    if isinstance(tree, (dict, list)):
        children = tree.values() if isinstance(tree, dict) else tree
    for child in children:
        yield from _schemas(child)


def _full_name(nsid: str, name: str) -> str:
    return nsid if name == "main" else f"{nsid}#{name}"


def _method_name(nsid: str) -> str:
    return _group_of_others(nsid) + _camel(nsid.rpartition(".")[2])


def _group_of_others(nsid: str) -> str:
    """Goes before what others call `search` or `result`, lest it be taken for ours."""
    return _camel(nsid.split(".")[-2]) if nsid.startswith(OF_OTHERS) else ""


def _type_name(full_name: str) -> str:
    nsid, _, name = full_name.partition("#")
    return _group_of_others(nsid) + _camel(name) if name else _method_name(nsid)


def _camel(name: str) -> str:
    return name[0].upper() + name[1:]


if __name__ == "__main__":
    TYPES.write_text(generate(load_catalog()), "utf-8")
