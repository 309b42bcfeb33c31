"""Each record type with the constraints that its lexicon gives, at their edges."""

from typing import Any

import pytest

from lexicons.catalog import Catalog, load_catalog
from lexicons.cid import Cid, raw_cid
from lexicons.data_model import decode_record, encode
from lexicons.schema import Invalid

TID = "3kznmn7xqxl22"
NOW = "2026-01-01T00:00:00.000Z"
SUBJECT = {
    "uri": f"at://did:plc:alice/fm.plyr.track/{TID}",
    "cid": "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq",
}
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f467"
AUDIO: dict[str, Any] = {
    "$type": "blob",
    "ref": Cid(raw_cid(b"audio")),
    "mimeType": "audio/mpeg",
    "size": 104_857_600,
}
RECORDS: dict[str, dict[str, Any]] = {
    "track": {"title": "t", "artist": "a", "fileType": "mp3", "createdAt": NOW},
    "like": {"subject": SUBJECT, "createdAt": NOW},
    "comment": {"subject": SUBJECT, "text": "!", "timestampMs": 0, "createdAt": NOW},
    "list": {"items": [], "createdAt": NOW},
    "actor.profile": {"createdAt": NOW},
}
ABSENT = object()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def validate(catalog: Catalog, name: str, /, **changes: object) -> None:
    record: Any = {"$type": f"fm.plyr.{name}", **RECORDS[name], **changes}
    record = {key: value for key, value in record.items() if value is not ABSENT}
    rkey = "self" if name == "actor.profile" else TID
    catalog.validate_record(f"fm.plyr.{name}", rkey, decode_record(encode(record)))


def item(number: int) -> dict[str, Any]:
    return {"subject": SUBJECT | {"uri": f"at://did:plc:alice/fm.plyr.track/{number}"}}


def self_labels(*values: str) -> dict[str, Any]:
    kind = "com.atproto.label.defs#selfLabels"
    return {"$type": kind, "values": [{"val": value} for value in values]}


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in RECORDS),
    ("track", {"title": "é" * 128}),
    ("track", {"title": "a\0b"}),
    ("track", {"audioUrl": "https://audio.plyr.fm/audio/0.mp3", "audioBlob": AUDIO}),
    ("track", {"duration": 0, "album": "", "description": "x" * 5000}),
    ("track", {"features": [{"did": "did:plc:bob"}] * 10}),
    ("track", {"features": [{"did": "did:plc:bob", "handle": "", "displayName": "Bob"}]}),
    ("track", {"supportGate": {"type": "any"}}),
    ("track", {"supportGate": {"type": "patron", "url": "https://a.b", "later": 1}}),
    ("track", {"labels": self_labels(*["porn"] * 10)}),
    ("track", {"labels": {"$type": "com.example.labels", "values": 1}}),
    ("track", {"createdAt": "0000-01-01T00:00:00Z"}),
    ("track", {"createdAt": "9999-12-31T23:59:59.999999999+00:00"}),
    ("track", {"later": {"$later": [None]}, "$later": "field"}),
    ("like", {"subject": SUBJECT | {"uri": "at://alice.test/com.example.song/self"}}),
    ("comment", {"text": "x" * 1000, "timestampMs": 2**53, "updatedAt": NOW}),
    ("list", {"name": FAMILY * 10, "listType": "mixtape"}),
    ("list", {"items": [item(number) for number in range(500)]}),
    ("actor.profile", {"bio": "é" * 256, "avatar": "https://cdn.bsky.app/img/avatar/plain/a@jpeg"}),
]


@pytest.mark.parametrize(
    ("name", "changes"), ACCEPTED, ids=[f"{name} {[*changes]}" for name, changes in ACCEPTED]
)
def test_a_record_within_its_bounds_is_valid(
    catalog: Catalog, name: str, changes: dict[str, Any]
) -> None:
    validate(catalog, name, **changes)


REFUSED: list[tuple[str, str, object]] = [
    ("track", "title", ABSENT),
    ("track", "title", ""),
    ("track", "title", "x" * 257),
    ("track", "title", "é" * 128 + "x"),
    ("track", "title", None),
    ("track", "artist", ABSENT),
    ("track", "artist", ""),
    ("track", "artist", "x" * 257),
    ("track", "fileType", ABSENT),
    ("track", "fileType", ""),
    ("track", "fileType", "x" * 17),
    ("track", "audioUrl", "audio/0.mp3"),
    ("track", "audioUrl", "https://a.b/" + "x" * 8192),
    ("track", "audioBlob", AUDIO | {"size": 104_857_601}),
    ("track", "audioBlob", AUDIO | {"mimeType": "image/png"}),
    ("track", "album", "x" * 257),
    ("track", "duration", -1),
    ("track", "duration", True),
    ("track", "duration", "3"),
    ("track", "features", [{"did": "did:plc:bob"}] * 11),
    ("track", "features", ["did:plc:bob"]),
    ("track", "features", [{"handle": "bob.test"}]),
    ("track", "features", [{"did": "bob.test"}]),
    ("track", "imageUrl", "cover"),
    ("track", "supportGate", {}),
    ("track", "supportGate", {"type": 1}),
    ("track", "description", "x" * 5001),
    ("track", "labels", self_labels(*["porn"] * 11)),
    ("track", "labels", self_labels("x" * 129)),
    ("track", "labels", {"values": []}),
    ("track", "createdAt", ABSENT),
    ("track", "createdAt", "2026-01-01"),
    ("track", "createdAt", "2026-01-01T00:00:00"),
    ("like", "subject", SUBJECT["uri"]),
    ("like", "subject", {"uri": SUBJECT["uri"]}),
    ("like", "subject", SUBJECT | {"cid": "cid"}),
    ("like", "subject", SUBJECT | {"uri": "https://plyr.fm/track/1"}),
    ("like", "createdAt", ABSENT),
    ("comment", "text", ""),
    ("comment", "text", "é" * 501),
    ("comment", "timestampMs", -1),
    ("comment", "timestampMs", ABSENT),
    ("comment", "updatedAt", "later"),
    ("list", "items", ABSENT),
    ("list", "items", [item(number) for number in range(501)]),
    ("list", "items", [SUBJECT]),
    ("list", "name", "x" * 65),
    ("list", "name", FAMILY * 11),
    ("list", "listType", 1),
    ("actor.profile", "bio", "x" * 257),
    ("actor.profile", "bio", FAMILY * 256),
    ("actor.profile", "avatar", AUDIO),
    ("actor.profile", "createdAt", ABSENT),
]


@pytest.mark.parametrize(
    ("name", "field", "value"), REFUSED, ids=[f"{name}.{field}" for name, field, _ in REFUSED]
)
def test_a_record_beyond_its_bounds_is_invalid(
    catalog: Catalog, name: str, field: str, value: object
) -> None:
    with pytest.raises(Invalid) as error:
        validate(catalog, name, **{field: value})
    assert error.value.path.partition("/")[0] == field


@pytest.mark.parametrize("name", ["track", "like", "comment", "list"])
def test_records_but_the_profile_have_a_tid_for_a_key(catalog: Catalog, name: str) -> None:
    record = {"$type": f"fm.plyr.{name}", **RECORDS[name]}
    catalog.validate_record(f"fm.plyr.{name}", TID, record)
    for rkey in ("self", TID.upper(), "", TID + "2"):
        with pytest.raises(Invalid):
            catalog.validate_record(f"fm.plyr.{name}", rkey, record)


@pytest.mark.parametrize("collection", ["fm.plyr.actor.profile", "app.bsky.actor.profile"])
def test_a_profile_has_one_place(catalog: Catalog, collection: str) -> None:
    record = {"$type": collection, "createdAt": NOW}
    catalog.validate_record(collection, "self", record)
    with pytest.raises(Invalid):
        catalog.validate_record(collection, "notself", record)


def test_a_validated_record_is_left_as_it_was(catalog: Catalog) -> None:
    record: dict[str, Any] = {"$type": "fm.plyr.track", **RECORDS["track"], "later": [1]}
    block = encode(record)
    catalog.validate_record("fm.plyr.track", TID, record)
    assert encode(record) == block


def test_of_a_bluesky_profile_only_what_is_read_is_held_to_its_lexicon(catalog: Catalog) -> None:
    name = "app.bsky.actor.profile"
    catalog.validate_record(name, "self", {"$type": name, "displayName": "", "pinnedPost": 1})
    picture = AUDIO | {"mimeType": "image/png", "size": 1_000_000}
    catalog.validate_record(name, "self", {"$type": name, "avatar": picture})
    for wrong in ({"displayName": "x" * 65}, {"avatar": AUDIO}, {"description": 1}):
        with pytest.raises(Invalid):
            catalog.validate_record(name, "self", {"$type": name, **wrong})
