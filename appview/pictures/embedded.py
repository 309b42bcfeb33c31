"""The picture inside a sound file, as its tags have it."""

import base64
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import mutagen
from mutagen.flac import Picture

FRONT_COVER: Final = 3


def picture_in(file: BinaryIO) -> bytes | None:
    """The front cover, else the first of its pictures; raises whatever mutagen comes up with."""
    file.seek(0)  # mutagen reads from where the file is
    sound = mutagen.File(file)
    if sound is None:
        return None
    found = [(kind, data) for kind, data in _pictures(sound, sound.tags) if data]
    front = [data for kind, data in found if kind == FRONT_COVER]
    return next(iter(front or [data for _, data in found]), None)


def _pictures(sound: mutagen.FileType, tags: Any) -> Iterator[tuple[int, bytes]]:  # noqa: ANN401
    """Each with its kind, as ID3 numbers them."""
    for picture in getattr(sound, "pictures", ()):  # FLAC
        yield picture.type, picture.data
    if tags is None:
        return
    if hasattr(tags, "getall"):  # ID3, in MP3, WAV and AIFF
        for frame in tags.getall("APIC"):
            yield frame.type, frame.data
        return
    for cover in tags.get("covr", ()):  # MP4
        yield FRONT_COVER, bytes(cover)
    for text in tags.get("metadata_block_picture", ()):  # Ogg
        picture = Picture(base64.b64decode(text))  # type: ignore[no-untyped-call] # mutagen's
        yield picture.type, picture.data
