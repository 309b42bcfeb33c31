"""An example of whatever a lexicon describes: what most answers have, every array with one item.

For documentation only. Made from the schema, so that no example can be of an older one; the tables
here are what makes it one that the service might give.
"""

from collections.abc import Mapping
from typing import Any, Final

MAX_DEPTH: Final = 6
_DID: Final = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
_CID: Final = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
_BLOB: Final = "bafkreib6e6pyqf26ewjubuyzawavcfxm5q36aomck2hkxuwbab75aqbuwm"
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
_PLACE: Final = "https://appview.example.com"
_BLOB_QUERY: Final = f"fm.plyr.playback.getBlob?did={_DID}&cid={_BLOB}"
_NAMES: Final[Mapping[str, str]] = {
    "album": "Night Bus",
    "artist": "Ada Vale",
    "audioUrl": "https://audio.plyr.fm/night-bus.mp3",
    "bio": "I record at night, mostly.",
    "codec": "mp3",
    "cursor": "dAAGRBB1x2AAYXQ6Ly8",
    "description": "Recorded in one take. #ambient",
    "displayName": "Ada",
    "fileType": "mp3",
    "handle": "ada.example.com",
    "host": "relay.example.com",
    "icon": f"{_PLACE}/img/thumb/track/{_DID}/{_RKEY}/{_CID}",
    "imageUrl": "https://images.plyr.fm/night-bus.png",
    "label": "Tracks",
    "mimeType": "audio/mpeg",
    "name": "Late shift",
    "q": "night bus",
    "reason": "OutdatedCursor",
    "scope": _DID,
    "search": "night bus",
    "src": _DID,
    "stream": f"{_PLACE}/stream/{_DID}/{_RKEY}",
    "tag": "ambient",
    "tags": "ambient",
    "text": "this moment",
    "title": "Night Bus",
    "until": "2026-11-23T20:15:00.000Z",
    "uri": f"at://{_DID}/fm.plyr.track/{_RKEY}",
    "uriPatterns": f"at://{_DID}/*",
    "url": f"{_PLACE}/xrpc/{_BLOB_QUERY}",
    "val": "explicit",
    "version": "0.1.0",
}
_NUMBERS: Final[Mapping[str, int]] = {
    "bitrate": 320_000,
    "channels": 2,
    "duration": 214,
    "durationMs": 214_000,
    "freeBytes": 38_000_000_000,
    "lagMs": 120,
    "maxDurationMs": 600_000,
    "minDurationMs": 60_000,
    "minFreeBytes": 2_147_483_648,
    "position": 3,
    "sampleRate": 44_100,
    "seq": 1_795_426_364_287_949,
    "size": 8_560_000,
    "timestampMs": 61_000,
    "totalDurationMs": 2_568_000,
    "ver": 1,
}
_COLLECTIONS: Final = {
    "like": "like",
    "comment": "comment",
    "list": "list",
    "album": "list",
    "track": "track",
}
_OTHERS: Final[Mapping[str, object]] = {
    "blob": {
        "$type": "blob",
        "ref": {"$link": _BLOB},
        "mimeType": "audio/mpeg",
        "size": 8_560_000,
    },
    "bytes": {"$bytes": "AAE"},
    "cid-link": {"$link": _CID},
    "unknown": {"$type": "fm.plyr.track", "title": "Night Bus", "artist": "Ada Vale"},
}
_IMAGE: Final = "fm.plyr.actor.defs#image"
_FALSE: Final = frozenset({"derived", "lossless"})
# What most answers do not have.
_LEFT_OUT: Final = frozenset(
    {"authorization", "closedAt", "embed", "error", "etaMs", "exp", "expiresAt", "gate", "labels"}
    | {"neg", "reason", "record", "subscope", "supportGate", "viewer"}
)
# By method: what its answers do have, and what beside the rest of its example would make no sense.
_KEPT: Final[Mapping[str, frozenset[str]]] = {
    "fm.plyr.feed.getTrack": frozenset({"record"}),
    "fm.plyr.feed.getTracks": frozenset({"record"}),
    "fm.plyr.feed.getTrending": frozenset({"reason"}),
    "fm.plyr.library.getList": frozenset({"record"}),
}
_NOT_WITH: Final[Mapping[str, frozenset[str]]] = {
    "fm.plyr.feed.getActivity": frozenset({"list", "text"}),
    "fm.plyr.library.getAlbum": frozenset({"actor", "title"}),
    "fm.plyr.sync.getRecordStatus": frozenset({"did"}),
}
# What a method's parameters, and what it says is missing, are URIs of; else tracks.
_ASKED_FOR: Final[Mapping[str, str]] = {
    "fm.plyr.actor.getProfiles": "",
    "fm.plyr.library.getAlbum": "list",
    "fm.plyr.library.getList": "list",
    "fm.plyr.library.getLists": "list",
    "fm.plyr.playback.getPlaylistFile": "list",
}


def example(documents: Mapping[str, Any], schema: Mapping[str, Any], nsid: str) -> object:
    """Of the schema as it stands in the document `nsid`; parameters give an object too."""
    return _Maker(documents, nsid).value(schema, nsid, "", 0)


class _Maker:
    def __init__(self, documents: Mapping[str, Any], method: str) -> None:
        self._documents = documents
        self._left_out = (_LEFT_OUT | _NOT_WITH.get(method, set())) - _KEPT.get(method, set())
        self._asked_for = _ASKED_FOR.get(method, "track")

    def value(self, schema: Mapping[str, Any], nsid: str, name: str, depth: int) -> object:
        match schema["type"]:
            case "ref" if schema["ref"] == _IMAGE:
                return _image(name)
            case "ref":
                return self._referred(schema["ref"], nsid, depth)
            case "union":
                ref = schema["refs"][-1 if name == "reason" else 0]
                full_name = nsid + ref if ref.startswith("#") else ref
                made = self._referred(ref, nsid, depth)
                return {"$type": full_name} | (made if isinstance(made, dict) else {})
            case "object" | "params":
                return self._object(schema, nsid, name, depth)
            case "array":
                item = schema["items"]
                too_deep = depth >= MAX_DEPTH and not schema.get("minLength")
                return [] if too_deep else [self.value(item, nsid, name, depth + 1)]
            case "string" if schema.get("format") == "at-uri":
                return _uri(self._asked_for)
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
        kind = _collection(name) or (self._asked_for if name in {"", "missingItem"} else "track")
        made: dict[str, object] = {}
        for field, inner in schema.get("properties", {}).items():
            if field not in required and (field in self._left_out or depth >= MAX_DEPTH):
                continue
            if field == "service":
                made[field] = f"at://{_DID}/parts.page.mention.service/{_RKEY}"
            elif inner.get("format") == "at-uri":
                made[field] = _uri(_collection(field) or kind)
            elif field in {"href", "webUrl"}:
                made[field] = f"https://plyr.fm/at/{_uri(kind).removeprefix('at://')}"
            elif field == "record" and f"fm.plyr.{kind}" in self._documents:
                made[field] = self._record(f"fm.plyr.{kind}", depth)
            else:
                made[field] = self.value(inner, nsid, field, depth)
        return made

    def _record(self, collection: str, depth: int) -> dict[str, object]:
        schema = self._documents[collection]["defs"]["main"]["record"]
        return {"$type": collection} | self._object(schema, collection, "main", depth)


def _collection(name: str) -> str | None:
    return next((kind for word, kind in _COLLECTIONS.items() if name.startswith(word)), None)


def _uri(kind: str) -> str:
    """`kind` is empty for an account."""
    return f"at://{_DID}/fm.plyr.{kind}/{_RKEY}" if kind else f"at://{_DID}"


def _image(name: str) -> dict[str, str]:
    path = f"avatar/{_DID}/{_BLOB}" if name == "avatar" else f"track/{_DID}/{_RKEY}/{_CID}"
    return {size: f"{_PLACE}/img/{size}/{path}" for size in ("thumb", "medium", "full")}


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
    return name not in _FALSE if schema["type"] == "boolean" else _OTHERS[schema["type"]]


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "at-identifier" and name in {"did", "src"}:
        return _DID
    if schema.get("format") in _FORMATS and name != "until":
        return _FORMATS[schema["format"]]
    return _NAMES.get(name, f"{_PLACE}/" if schema.get("format") == "uri" else name or "text")
