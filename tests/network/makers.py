"""Records with every default given: a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.network.encoding import link_to, now_text

Json = dict[str, Any]

SOME_CID = str(link_to(b"some record that nobody has"))


def strong_ref(uri: str, cid: str | None = None) -> Json:
    return {"uri": uri, "cid": cid or SOME_CID}


def ref(subject: object) -> Json:
    """Of a record that was written, or of a bare URI with a cid that fits nothing."""
    if isinstance(subject, str):
        return strong_ref(subject)
    return strong_ref(subject.uri, subject.cid)  # type: ignore[attr-defined] # a Written


def record(collection: str, **fields: object) -> Json:
    """Fields given as None are left out."""
    value = {"$type": collection, "createdAt": now_text(), **fields}
    return {name: item for name, item in value.items() if item is not None}


def track(title: str = "Blue in Green", **fields: object) -> Json:
    defaults = {
        "title": title,
        "artist": "Bill E.",
        "fileType": "mp3",
        "audioUrl": "https://audio.plyr.fm/audio/0123456789abcdef.mp3",
        "duration": 337,
    }
    return record("fm.plyr.track", **{**defaults, **fields})


def like(of: object, **fields: object) -> Json:
    return record("fm.plyr.like", **{"subject": ref(of), **fields})


def comment(on: object, text: str = "that bridge!", **fields: object) -> Json:
    defaults = {"subject": ref(on), "text": text, "timestampMs": 61_000}
    return record("fm.plyr.comment", **{**defaults, **fields})


def playlist(items: Iterable[object] = (), name: str = "For the road", **fields: object) -> Json:
    defaults = {
        "name": name,
        "listType": "playlist",
        "items": [{"subject": ref(item)} for item in items],
    }
    return record("fm.plyr.list", **{**defaults, **fields})


def profile(bio: str = "plays the piano", **fields: object) -> Json:
    return record("fm.plyr.actor.profile", **{"bio": bio, **fields})


def bsky_profile(name: str = "Bill", **fields: object) -> Json:
    return record("app.bsky.actor.profile", **{"displayName": name, **fields})


def post(text: str = "nothing about music") -> Json:
    return record("app.bsky.feed.post", text=text)
