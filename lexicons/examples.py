"""An example of whatever a lexicon describes: every field once, every array with one item.

For documentation only. Made from the schema, so that no example can be of an older one.
"""

from collections.abc import Mapping
from typing import Any, Final

from lexicons.document import absolute

MAX_DEPTH: Final = 6
_DID: Final = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
_CID: Final = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
_RKEY: Final = "3m6tzk2pqrs2x"
_FORMATS: Final[Mapping[str, str]] = {
    "at-identifier": "ada.example.com",
    "cid": _CID,
    "datetime": "2026-11-22T20:15:00.000Z",
    "did": _DID,
    "handle": "ada.example.com",
    "language": "en",
    "nsid": "fm.plyr.track",
    "record-key": _RKEY,
    "tid": _RKEY,
}
_NAMES: Final[Mapping[str, str]] = {
    "album": "Night Bus",
    "artist": "Ada Vale",
    "bio": "I record at night, mostly.",
    "cursor": "dAAGRBB1x2AAYXQ6Ly8",
    "description": "Recorded in one take. #ambient",
    "displayName": "Ada",
    "fileType": "mp3",
    "host": "relay.example.com",
    "name": "Late shift",
    "q": "night bus",
    "src": _DID,
    "tag": "ambient",
    "tags": "ambient",
    "text": "this moment",
    "title": "Night Bus",
    "uriPatterns": f"at://{_DID}/*",
    "val": "explicit",
    "version": "0.1.0",
}
_PLACE: Final = "https://appview.example.com"
_URLS: Final[Mapping[str, str]] = {
    "full": f"{_PLACE}/img/full/{_RKEY}.jpg",
    "medium": f"{_PLACE}/img/medium/{_RKEY}.jpg",
    "stream": f"{_PLACE}/stream/{_DID}/{_RKEY}",
    "thumb": f"{_PLACE}/img/thumb/{_RKEY}.jpg",
    "uri": f"at://{_DID}/fm.plyr.track/{_RKEY}",
}
_NUMBERS: Final[Mapping[str, int]] = {
    "durationMs": 214_000,
    "lagMs": 120,
    "timestampMs": 61_000,
    "ver": 1,
}
_COLLECTIONS: Final = {"like": "like", "comment": "comment", "list": "list", "album": "list"}
_OTHERS: Final[Mapping[str, object]] = {
    "blob": {
        "$type": "blob",
        "ref": {"$link": _CID},
        "mimeType": "audio/mpeg",
        "size": 5_136_000,
    },
    "boolean": True,
    "bytes": {"$bytes": "AAE"},
    "cid-link": {"$link": _CID},
    "unknown": {"$type": "fm.plyr.track", "title": "Night Bus", "artist": "Ada Vale"},
}
# What most answers do not have.
_LEFT_OUT: Final = frozenset({"viewer", "labels", "neg"})


def example(documents: Mapping[str, Any], schema: Mapping[str, Any], nsid: str) -> object:
    """Of the schema as it stands in the document `nsid`; parameters give an object too."""
    return _Maker(documents).value(schema, nsid, "", 0)


class _Maker:
    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents

    def value(self, schema: Mapping[str, Any], nsid: str, name: str, depth: int) -> object:
        match schema["type"]:
            case "ref":
                return self._referred(schema["ref"], nsid, depth)
            case "union":
                ref = schema["refs"][0]
                made = self._referred(ref, nsid, depth)
                return {"$type": absolute(ref, nsid)} | (made if isinstance(made, dict) else {})
            case "object" | "params":
                return self._object(schema, nsid, name, depth)
            case "array":
                item = schema["items"]
                too_deep = depth >= MAX_DEPTH and not schema.get("minLength")
                return [] if too_deep else [self.value(item, nsid, name, depth + 1)]
            case _:
                return _plain(schema, name)

    def _referred(self, ref: str, nsid: str, depth: int) -> object:
        document, _, name = ref.partition("#")
        document, name = document or nsid, name or "main"
        # The name of a definition says of which collection its URIs are.
        return self.value(self._documents[document]["defs"][name], document, name, depth + 1)

    def _object(
        self, schema: Mapping[str, Any], nsid: str, name: str, depth: int
    ) -> dict[str, object]:
        required = schema.get("required", [])
        kind = _collection(name) or "track"
        made: dict[str, object] = {}
        for field, inner in schema.get("properties", {}).items():
            if field not in required and (field in _LEFT_OUT or depth >= MAX_DEPTH):
                continue
            if inner.get("format") == "at-uri":
                made[field] = _uri(_collection(field) or kind)
            else:
                made[field] = self.value(inner, nsid, field, depth)
        return made


def _collection(name: str) -> str | None:
    return next((kind for word, kind in _COLLECTIONS.items() if name.startswith(word)), None)


def _uri(kind: str) -> str:
    return f"at://{_DID}/fm.plyr.{kind}/{_RKEY}"


def _plain(schema: Mapping[str, Any], name: str) -> object:
    chosen = [schema[key] for key in ("const", "default") if key in schema]
    chosen += [schema[key][0] for key in ("enum", "knownValues") if schema.get(key)]
    if chosen:
        return chosen[0]
    if schema["type"] == "string":
        return _text(schema, name)
    if schema["type"] == "integer":
        number = _NUMBERS.get(name, 12)
        return max(schema.get("minimum", 0), min(number, schema.get("maximum", number)))
    return _OTHERS[schema["type"]]


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "at-uri":
        return _uri("track")
    if schema.get("format") == "at-identifier" and name in {"did", "src"}:
        return _DID
    if schema.get("format") == "uri":
        return _URLS.get(name, f"{_PLACE}/track/ada.example.com/{_RKEY}")
    return _FORMATS.get(schema.get("format", ""), _NAMES.get(name, name or "text"))
