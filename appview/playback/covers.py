"""The pictures inside a sound file, as its tags have them."""

import base64
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import mutagen
from mutagen.flac import Picture

FRONT_COVER: Final = 3


def picture_in(file: BinaryIO) -> bytes | None:
    """The front cover, else the first of its pictures; raises whatever mutagen comes up with."""
    file.seek(0)  # mutagen reads from where the file is
    found = [(kind, data) for kind, data in map(_decoded, pictures_of(mutagen.File(file))) if data]
    front = [data for kind, data in found if kind == FRONT_COVER]
    return next(iter(front or [data for _, data in found]), None)


def pictures_of(sound: Any) -> Iterator[Any]:  # noqa: ANN401 - mutagen has a class for each
    """Each picture as it stands there; None has none."""
    yield from getattr(sound, "pictures", ())  # FLAC
    tags = getattr(sound, "tags", None)
    if tags is None:
        return
    if hasattr(tags, "getall"):  # ID3, in MP3, WAV and AIFF
        yield from tags.getall("APIC")
        return
    yield from tags.get("covr", ())  # MP4
    yield from tags.get("metadata_block_picture", ())  # Ogg


def _decoded(picture: Any) -> tuple[int, bytes]:  # noqa: ANN401 - as above
    """With its kind, as ID3 numbers them."""
    if isinstance(picture, bytes):
        return FRONT_COVER, bytes(picture)
    if isinstance(picture, str):
        picture = Picture(base64.b64decode(picture))  # type: ignore[no-untyped-call] # mutagen's
    return picture.type, picture.data
