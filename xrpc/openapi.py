"""What the lexicons say as OpenAPI 3.1, for tools that do not know lexicons.

A lexicon counts the length of text in bytes and JSON Schema in characters: what is said here is
implied by the lexicon, and may be a little weaker. Subscriptions have no place in OpenAPI but as
server-sent events.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from lexicons.catalog import Catalog
from lexicons.document import absolute
from lexicons.examples import example
from xrpc.errors import UPSTREAM_UNAVAILABLE

Json: TypeAlias = dict[str, Any]

_PLAIN: Final[Mapping[str, Json]] = {
    "boolean": {"type": "boolean"},
    "bytes": {
        "type": "object",
        "required": ["$bytes"],
        "properties": {"$bytes": {"type": "string"}},
    },
    "cid-link": {
        "type": "object",
        "required": ["$link"],
        "properties": {"$link": {"type": "string"}},
    },
    "integer": {"type": "integer", "format": "int64"},
    "string": {"type": "string"},
    "token": {"type": "string"},
    "unknown": {"type": "object"},
    "blob": {
        "type": "object",
        "required": ["$type", "ref", "mimeType", "size"],
        "properties": {
            "$type": {"const": "blob"},
            "ref": {"$ref": "#/components/schemas/CidLink"},
            "mimeType": {"type": "string"},
            "size": {"type": "integer"},
        },
    },
}
_DID: Final = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]"
_HANDLE: Final = r"([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
_NSID: Final = r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)+"
PATTERNS: Final[Mapping[str, str]] = {
    "at-identifier": f"^({_DID}|{_HANDLE})$",
    "at-uri": f"^at://({_DID}|{_HANDLE})(/{_NSID}(/[a-zA-Z0-9._:~-]+)?)?$",
    "did": f"^{_DID}$",
    "handle": f"^{_HANDLE}$",
    "nsid": f"^{_NSID}$",
    "tid": "^[234567a-j][234567a-z]{12}$",
}
_ERROR: Final[Json] = {"$ref": "#/components/schemas/Error"}
_STATUSES: Final[Mapping[str, str]] = {
    "400": "The request is not what the method takes, or one of the method's own errors.",
    "401": "The token is not valid, or one is needed.",
    "403": "The token's account may not do this.",
    "429": "Too many requests: come back after Retry-After seconds.",
    "500": "A mistake of this service.",
    "503": "Not now: try again later.",
}
_LAST_EVENT_ID: Final[Json] = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
    "description": "What EventSource sends when it comes back; goes before the cursor.",
}
_OF_BODIES: Final[Mapping[str, str]] = {
    "413": "The body is too large.",
    "415": "The body is compressed in a way that is not known here.",
}
_OF_BYTES_ELSEWHERE: Final[Json] = {
    "206": {"description": "What Range asked for.", "content": {"*/*": {}}},
    "416": {"description": "The range begins behind the last byte."},
}
_UPSTREAM: Final = "`UpstreamUnavailable`: try again after Retry-After seconds."


def openapi(catalog: Catalog, *, version: str, origin: str, events: Mapping[str, str]) -> Json:
    """`events`: by path, the subscription that is told there as server-sent events."""
    writer = _Writer(catalog, events)
    paths = {f"/xrpc/{nsid}": writer.path(nsid) for nsid in writer.methods}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "plyr-appview",
            "version": version,
            "description": "An AT Protocol AppView for music, over XRPC.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": origin}],
        "paths": paths | {path: writer.event_source(path) for path in events},
        "components": {
            "schemas": {**dict(writer.shapes()), **_shared()},
            "securitySchemes": {
                "serviceAuth": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Inter-service token: a PDS adds it to the calls it carries.",
                }
            },
        },
    }


class _Writer:
    def __init__(self, catalog: Catalog, events: Mapping[str, str]) -> None:
        self._documents = catalog.documents
        self._events = events
        self.methods = sorted(
            nsid for nsid, method in catalog.methods.items() if method.kind != "subscription"
        )

    def path(self, nsid: str) -> Json:
        main = self._documents[nsid]["defs"]["main"]
        made: Json = {
            "operationId": nsid,
            "tags": [nsid.rpartition(".")[0]],
            "description": main.get("description", nsid),
            "security": [{}, {"serviceAuth": []}],
            "parameters": list(self._parameters(main.get("parameters", {}), nsid)),
            "responses": self._responses(main, nsid),
        }
        if "input" in main:
            made["requestBody"] = {"required": True, "content": self._content(main["input"], nsid)}
        return {"get" if main["type"] == "query" else "post": made}

    def event_source(self, path: str) -> Json:
        nsid = self._events[path]
        main = self._documents[nsid]["defs"]["main"]
        told = {"encoding": "text/event-stream", "schema": main["message"]["schema"]}
        responses = self._responses({**main, "output": told}, nsid)
        responses["200"]["description"] = "Without an end: the data is a message, the id its seq."
        made = {
            "operationId": nsid,
            "tags": [nsid.rpartition(".")[0]],
            "description": main["description"],
            "parameters": [*self._parameters(main["parameters"], nsid), _LAST_EVENT_ID],
            "responses": responses,
        }
        return {"get": made}

    def shapes(self) -> Iterator[tuple[str, Json]]:
        """All that methods use, by the names that `_component` gives them."""
        named = [*self.methods, *self._events.values()]
        due = [(nsid, self._documents[nsid]["defs"]["main"]) for nsid in named]
        found: set[str] = set()
        while due:
            nsid, tree = due.pop()
            for ref in _refs(tree, nsid):
                if ref in found:
                    continue
                found.add(ref)
                document, _, name = ref.partition("#")
                schema = self._documents[document]["defs"][name or "main"]
                yield _component(ref), self._schema(schema, document)
                due.append((document, schema))

    def _parameters(self, params: Mapping[str, Any], nsid: str) -> Iterator[Json]:
        shown = example(self._documents, {"type": "params", **params}, nsid)
        assert isinstance(shown, dict)
        for name, field in params.get("properties", {}).items():
            schema = self._schema(field, nsid)
            made: Json = {"name": name, "in": "query", "schema": schema}
            if "description" in schema:
                made["description"] = schema.pop("description")
            if name in params.get("required", []):
                made["required"] = True
            if field["type"] == "array":
                made |= {"style": "form", "explode": True}
            if name in shown and name != "cursor":  # which only an answer can give
                made["example"] = shown[name]
            yield made

    def _responses(self, main: Mapping[str, Any], nsid: str) -> Json:
        ok: Json = {"description": "The answer."}
        if "output" in main:
            ok["content"] = self._content(main["output"], nsid)
        statuses = dict(_STATUSES)
        own = [error for error in main.get("errors", []) if error["name"] != UPSTREAM_UNAVAILABLE]
        plain: Json = {}
        if len(own) < len(main.get("errors", [])):
            plain |= _OF_BYTES_ELSEWHERE
            statuses["502"] = _UPSTREAM
        if main["type"] == "query":
            plain["304"] = {"description": "As If-None-Match has it."}
        elif main["type"] == "procedure":
            statuses |= _OF_BODIES
        errors = {
            status: {"description": text, "content": _content_of(_ERROR)}
            for status, text in statuses.items()
        }
        if own:
            errors["400"] = _own_errors(own)
        return {"200": ok, **plain, **errors}

    def _content(self, body: Mapping[str, Any], nsid: str) -> Json:
        if "schema" not in body:
            return {body["encoding"]: {}}
        shown = example(self._documents, body["schema"], nsid)
        schema = self._schema(body["schema"], nsid)
        return {body["encoding"]: {"schema": schema, "example": shown}}

    def _schema(self, schema: Mapping[str, Any], nsid: str) -> Json:
        match schema["type"]:
            case "ref":
                made: Json = {"$ref": _to_component(schema["ref"], nsid)}
            case "union":
                made = self._union(schema, nsid)
            case "array":
                made = {"type": "array", "items": self._schema(schema["items"], nsid)}
                made |= _bounds(schema, minLength="minItems", maxLength="maxItems")
            case "object":
                made = self._object(schema, nsid)
            case kind:
                made = dict(_PLAIN[kind]) | _details(schema)
        if "description" in schema:
            made["description"] = schema["description"]
        return made

    def _object(self, schema: Mapping[str, Any], nsid: str) -> Json:
        nullable = schema.get("nullable", [])
        fields: Json = {}
        for name, field in schema.get("properties", {}).items():
            fields[name] = self._schema(field, nsid)
            if name in nullable:
                fields[name] = {"anyOf": [fields[name], {"type": "null"}]}
        made: Json = {"type": "object", "properties": fields}
        if schema.get("required"):
            made["required"] = list(schema["required"])
        return made

    def _union(self, schema: Mapping[str, Any], nsid: str) -> Json:
        """Open unless it says otherwise: a client must bear a member that it does not know."""
        members = [
            {"allOf": [{"$ref": _to_component(ref, nsid)}, _typed({"const": absolute(ref, nsid)})]}
            for ref in schema["refs"]
        ]
        if not schema.get("closed"):
            members.append(_typed({"type": "string"}))
        return {"anyOf": members}


def _typed(kind: Json) -> Json:
    return {"type": "object", "required": ["$type"], "properties": {"$type": kind}}


def _details(schema: Mapping[str, Any]) -> Json:
    made = {key: schema[key] for key in ("enum", "const", "default") if key in schema}
    if schema["type"] == "integer":
        made |= _bounds(schema, minimum="minimum", maximum="maximum")
    if schema["type"] == "string":
        # Of at least one byte and of at least one character is the same.
        made |= {"minLength": 1} if schema.get("minLength") else {}
        made |= _bounds(schema, maxLength="maxLength")
        made |= {"examples": list(schema["knownValues"])} if "knownValues" in schema else {}
        if form := schema.get("format"):
            made["format"] = "date-time" if form == "datetime" else form
            made |= {"pattern": PATTERNS[form]} if form in PATTERNS else {}
    return made


def _bounds(schema: Mapping[str, Any], **names: str) -> Json:
    return {theirs: schema[ours] for ours, theirs in names.items() if ours in schema}


def _own_errors(errors: list[Mapping[str, str]]) -> Json:
    names = [error["name"] for error in errors]
    told = [f"`{error['name']}`: {error.get('description', '')}" for error in errors]
    named = {"properties": {"error": {"enum": ["InvalidRequest", *names]}}}
    schema = {"allOf": [_ERROR, named]}
    return {
        "description": "\n".join([_STATUSES["400"], *told]),
        "content": _content_of(schema),
    }


def _content_of(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _shared() -> Json:
    text = {"type": "string"}
    return {
        "CidLink": dict(_PLAIN["cid-link"]),
        "Error": {
            "type": "object",
            "required": ["error", "message"],
            "properties": {"error": text, "message": text},
        },
    }


def _refs(tree: object, nsid: str) -> Iterator[str]:
    if isinstance(tree, Mapping):
        if tree.get("type") == "ref":
            yield absolute(tree["ref"], nsid)
        elif tree.get("type") == "union":
            yield from (absolute(ref, nsid) for ref in tree["refs"])
    if isinstance(tree, (Mapping, list)):
        for child in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _refs(child, nsid)


def _component(ref: str) -> str:
    return ref.replace("#", ".")


def _to_component(ref: str, nsid: str) -> str:
    return f"#/components/schemas/{_component(absolute(ref, nsid))}"
