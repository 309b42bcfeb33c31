"""Sound files with pictures in them, as those who tag music make them."""

import base64
import io
from functools import cache

import mutagen
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC
from mutagen.mp4 import MP4Cover
from PIL import Image

from tests.browser.sound import FORMS, song

NAMES = tuple(form.name for form in FORMS)
BACK_COVER, FRONT_COVER = 4, 3


@cache
def plain(name: str) -> bytes:
    return next(song(form, 1) for form in FORMS if form.name == name)


def picture(side: int = 300, colour: str = "red", kind: str = "PNG") -> bytes:
    """Twice as wide as it is high."""
    file = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(file, kind)
    return file.getvalue()


def covered(name: str, *pictures: tuple[int, bytes]) -> bytes:
    """The song in that form, with these pictures of those kinds in it."""
    file = io.BytesIO(plain(name))
    sound = mutagen.File(file)
    assert sound is not None
    if sound.tags is None:
        sound.add_tags()
    for kind, data in pictures:
        one = Picture()  # type: ignore[no-untyped-call] # mutagen's
        one.type, one.mime, one.data = kind, "image/png", data
        if isinstance(sound, FLAC):
            sound.add_picture(one)  # type: ignore[no-untyped-call]
        elif name == "m4a":
            sound["covr"] = [MP4Cover(data, MP4Cover.FORMAT_PNG)]  # type: ignore[no-untyped-call]
        elif name == "ogg":
            text = base64.b64encode(one.write()).decode()  # type: ignore[no-untyped-call]
            sound["metadata_block_picture"] = [*sound.get("metadata_block_picture", []), text]
        else:
            frame = APIC(encoding=3, mime="image/png", type=kind, desc=str(kind), data=data)  # type: ignore[no-untyped-call]
            sound.tags.add(frame)
    file.seek(0)
    sound.save(file)
    return file.getvalue()
