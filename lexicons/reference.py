"""Writes docs/api, a page for each group of NSIDs: `python -m lexicons.reference`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from lexicons.catalog import Catalog, load_catalog
from lexicons.document import METHOD_TYPES
from lexicons.examples import example

FOLDER: Final = Path(__file__).parents[1] / "docs" / "api"
_UNITS: Final = {"maxGraphemes": "graphemes", "maxLength": "bytes"}
_HEAD: Final = """# API reference

Written by `make codegen` from the documents in [`lexicons/`](../../lexicons): change those.

A query is a GET, a procedure a POST with JSON, both at `/xrpc/<method>`; the values of an array
are repeated (`uris=…&uris=…`). A running service has the same as OpenAPI 3.1 at `/openapi.json`,
and the documents themselves under `/lexicons/`.

- **Errors** are `{"error": "Name", "message": "for people"}`. Any method may answer
  `InvalidRequest` (400, the message names the parameter), `RateLimitExceeded` (429, with
  `Retry-After`) and `NotEnoughResources` (503, try again later).
  A method's own errors, all 400 but `UpstreamUnavailable` (502), stand with it.
- **Pages.** Give the `cursor` of an answer to get the next one, everything else unchanged; one
  without a cursor is the last. A page may be shorter than its `limit`. A walk through all pages
  misses and doubles nothing while others write.
- **Who asks.** Nobody has to sign in. A PDS that carries a call for its user
  (`atproto-proxy: did:web:<host>#plyr_appview`) adds a token; a wrong one is refused (401).
- **Headers.** `ETag` with anonymous answers (send it back as `If-None-Match`), `RateLimit-Limit`,
  `-Remaining`, `-Reset`, `-Policy`, and `atproto-repo-rev` for who is signed in. Scripts of any
  origin may call.
- **Labels.** `atproto-accept-labelers` names whose labels the answer may carry, of those that the
  service trusts; without it all do, and `atproto-content-labelers` names those that did.

| method | gives |
|---|---|
"""


def generate(catalog: Catalog) -> dict[str, str]:
    """The pages by file name."""
    pages: dict[str, list[str]] = {}
    index = []
    for nsid in sorted(catalog.methods):
        main = catalog.documents[nsid]["defs"]["main"]
        pages.setdefault(_page(nsid), [f"# {_group(nsid)}"]).extend(_method(catalog, nsid, main))
        index.append(f"| [`{nsid}`]({_page(nsid)}#{_anchor(nsid)}) | {_cell(main)} |")
    for nsid, name in _shapes(catalog):
        schema = catalog.documents[nsid]["defs"][name]
        pages.setdefault(_page(nsid), [f"# {_group(nsid)}"]).extend(_shape(nsid, name, schema))
    written = {name: "\n\n".join(parts) + "\n" for name, parts in pages.items()}
    return {"README.md": _HEAD + "\n".join(index) + "\n"} | written


def _method(catalog: Catalog, nsid: str, main: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {nsid}"
    yield main.get("description", "")
    params = main.get("parameters", {})
    yield "    " + _call(catalog, nsid, main)
    if params.get("properties"):
        yield _table("parameter", params, nsid)
    for word, body in (("input", main.get("input")), ("output", main.get("output"))):
        if body is None:
            continue
        if "schema" not in body:
            yield f"The {word} is `{body['encoding']}`."
        elif body["schema"]["type"] == "object":
            yield _table(word, body["schema"], nsid)
        else:
            yield f"The {word} is {_kind(body['schema'], nsid)}."
    if "message" in main:
        yield f"A message is {_kind(main['message']['schema'], nsid)}."
    if main.get("errors"):
        lines = [f"| `{error['name']}` | {_cell(error)} |" for error in main["errors"]]
        yield "\n".join(["| error | when |", "|---|---|", *lines])
    output = main.get("output", {}).get("schema")
    if output is not None:
        yield _json(example(catalog.documents, output, nsid))


def _call(catalog: Catalog, nsid: str, main: Mapping[str, Any]) -> str:
    params = main.get("parameters", {"type": "params"})
    made = example(catalog.documents, params, nsid)
    assert isinstance(made, dict)
    # Who needs none takes this one or others instead.
    needed = {name: made[name] for name in params.get("required", ["uri"]) if name in made}
    query = "?" + urlencode(needed, doseq=True, safe=":/") if needed else ""
    verb = {"query": "GET", "procedure": "POST"}.get(main["type"], "WebSocket")
    told = example(catalog.documents, main["input"]["schema"], nsid) if "input" in main else None
    body = "" if told is None else f"\n    {json.dumps(told)}"
    return f"{verb} /xrpc/{nsid}{query}{body}"


def _shape(nsid: str, name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {nsid if name == 'main' else name}"
    if "description" in schema:
        yield schema["description"]
    if schema["type"] != "object":
        yield _kind(schema, nsid).capitalize() + "."
    elif schema.get("properties"):
        yield _table("field", schema, nsid)


def _table(word: str, schema: Mapping[str, Any], nsid: str) -> str:
    required = schema.get("required", [])
    lines = [f"| {word} | type | |", "|---|---|---|"]
    for name, field in schema.get("properties", {}).items():
        is_optional = name not in required and "default" not in field
        about = " ".join(filter(None, ["(optional)" if is_optional else "", _cell(field)]))
        lines.append(f"| `{name}` | {_kind(field, nsid)} | {about} |")
    return "\n".join(lines)


def _kind(schema: Mapping[str, Any], nsid: str) -> str:
    kind = schema["type"]
    if kind == "ref":
        return _link(schema["ref"], nsid)
    if kind == "union":
        return " or ".join(_link(ref, nsid) for ref in schema["refs"]) or "anything"
    if kind == "array":
        most = f" of at most {schema['maxLength']}" if "maxLength" in schema else ""
        return f"array{most}: {_kind(schema['items'], nsid)}"
    words = [schema.get("format", "object" if kind == "unknown" else kind)]
    if "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '')}..{schema.get('maximum', '')}")
    bounds = [f"{schema[key]} {unit}" for key, unit in _UNITS.items() if key in schema]
    words += ["of at most", " and ".join(bounds)] if bounds else []
    values = schema.get("enum") or schema.get("knownValues") or ()
    words += [" ".join(f"`{value}`" for value in values)] if values else []
    if "default" in schema:
        words.append(f"(default `{json.dumps(schema['default']).strip(chr(34))}`)")
    return " ".join(words)


def _shapes(catalog: Catalog) -> Iterator[tuple[str, str]]:
    for nsid, document in sorted(catalog.documents.items()):
        if document["defs"].get("main", {}).get("type") == "record":
            continue
        for name, schema in document["defs"].items():
            if schema["type"] not in METHOD_TYPES:
                yield nsid, name


def _link(ref: str, nsid: str) -> str:
    document, _, name = ref.partition("#")
    return f"[{name or document}]({_page(document or nsid)}#{_anchor(name or document)})"


def _group(nsid: str) -> str:
    return nsid.rpartition(".")[0]


def _page(nsid: str) -> str:
    return f"{_group(nsid)}.md"


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "")


def _cell(described: Mapping[str, Any]) -> str:
    return str(described.get("description", "")).replace("|", "\\|")


def _json(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


def write(folder: Path, pages: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write(FOLDER, generate(load_catalog()))
