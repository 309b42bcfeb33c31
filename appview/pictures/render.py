"""A picture in our three sizes: from the bytes of a stranger, in a format that everything shows.

JPEG, because link previews, lock screens and old players all take it, and because it costs a tenth
of what WebP does to write. What is transparent becomes white.
"""

import io
from typing import BinaryIO, Final

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps, WebPImagePlugin

from appview.pictures.protocol import SIDES

MAX_PIXELS: Final = 40_000_000
QUALITY: Final = 85
# Not SVG, which can load things and run things. Pillow knows the first two when they are imported.
FORMATS: Final = (
    AvifImagePlugin.AvifImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    "GIF",
    "JPEG",
    "PNG",
)
RGB: Final = ImageCms.createProfile("sRGB")

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # it raises from twice as many on
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # more it could not start


def render(file: BinaryIO) -> dict[str, bytes]:
    """By size, no larger than it was; of an animation the first frame.

    Raises whatever a decoder may come up with.
    """
    with Image.open(file, formats=FORMATS) as opened:
        picture = _plain(opened)
    pictures = {}
    for size, side in SIDES.items():
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        pictures[size] = _jpeg(picture)
    return pictures


def _plain(opened: Image.Image) -> Image.Image:
    """Small enough to go on with, upright, sRGB, and nothing beside its pixels."""
    side = SIDES["full"]
    profile = opened.info.get("icc_profile")
    opened.draft(None, (2 * side, 2 * side))  # a large JPEG is never decoded in full
    picture = _direct(opened)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture = ImageOps.exif_transpose(picture)
    picture = _in_srgb(_opaque(picture), profile)
    picture.info.clear()
    return picture


def _direct(opened: Image.Image) -> Image.Image:
    """Pixels that can be averaged: no palette, and eight bits a channel."""
    if opened.mode.startswith("I"):
        return opened.point(lambda value: value / 256).convert("L")
    if opened.mode in {"P", "1"}:
        has_holes = "transparency" in opened.info
        return opened.convert("RGBA" if has_holes else "RGB")
    if "transparency" in opened.info and opened.mode in {"L", "RGB"}:
        return opened.convert("RGBA")
    return opened


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands():
        return picture
    mode = "L" if picture.mode == "LA" else "RGB"
    ground = Image.new(mode, picture.size, "white")
    ground.paste(picture.convert(mode), mask=picture.getchannel("A"))
    return ground


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, theirs, RGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # then its colours are taken for what most are
        else:
            assert converted is not None
            return converted
    return picture.convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue()
