"""Records as an app would write them, every default given."""

import io
import wave
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.reference.network import Person, Written

TRACK = "fm.plyr.track"
LIKE = "fm.plyr.like"
COMMENT = "fm.plyr.comment"
LIST = "fm.plyr.list"
PROFILE = "fm.plyr.actor.profile"
BSKY_PROFILE = "app.bsky.actor.profile"
COLLECTIONS = (TRACK, LIKE, COMMENT, LIST, PROFILE)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def track(title: str, **more: object) -> dict[str, Any]:
    """Of the kind that names a file somewhere; see upload_track for one with its own bytes."""
    return {
        "title": title,
        "artist": "Somebody",
        "fileType": "mp3",
        "audioUrl": "https://audio.plyr.fm/audio/0123456789abcdef.mp3",
        "createdAt": now(),
        **more,
    }


def like(subject: Written) -> dict[str, Any]:
    return {"subject": subject.ref, "createdAt": now()}


def comment(subject: Written, text: str, timestamp_ms: int = 0) -> dict[str, Any]:
    return {
        "subject": subject.ref,
        "text": text,
        "timestampMs": timestamp_ms,
        "createdAt": now(),
    }


def track_list(name: str, *items: Written, kind: str = "playlist") -> dict[str, Any]:
    subjects = [{"subject": item.ref} for item in items]
    return {"name": name, "listType": kind, "items": subjects, "createdAt": now()}


def profile(bio: str) -> dict[str, Any]:
    return {"bio": bio, "createdAt": now()}


def create(collection: str, rkey: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """One of several writes in a commit."""
    return {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": collection,
        "rkey": rkey,
        "value": {"$type": collection} | dict(record),
    }


def delete(record: Written) -> dict[str, Any]:
    return {
        "$type": "com.atproto.repo.applyWrites#delete",
        "collection": record.uri.split("/")[3],
        "rkey": record.rkey,
    }


def tid(number: int) -> str:
    """A TID of late 2024, like no other number's; numbers below a thousand."""
    return f"3l{number:03}".translate(str.maketrans("0189", "abcd")) + "aaaaaa2a"


def silence(seconds: float = 0.1) -> bytes:
    """A real WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(bytes(int(8_000 * seconds) * 2))
    return file.getvalue()


async def upload_track(person: Person, title: str, **more: object) -> Written:
    blob = await person.upload(silence(), "audio/wav")
    record = track(title, **{"audioBlob": blob, "fileType": "wav", **more})
    del record["audioUrl"]
    return await person.create(TRACK, record)
