"""What becomes of a picture: the same one, smaller, upright, in sRGB, and nothing else with it."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, UnidentifiedImageError

from appview.pictures.render import MAX_PIXELS, render

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
SECRET = b"51.5007 N, 0.1246 W"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    return picture


def made(data: bytes, size: str = "full") -> Image.Image:
    return opened(render(io.BytesIO(data))[size])


def is_near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, ...]) -> bool:
    found = picture.getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(a - b) < 12 for a, b in zip(found, colour, strict=True))


def left_and_right(width: int = 400, height: int = 200) -> Image.Image:
    """Red, then blue."""
    picture = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(picture).rectangle((width // 2, 0, width, height), fill=BLUE)
    return picture


def test_a_picture_shrinks_to_its_sizes_and_never_grows() -> None:
    large = render(io.BytesIO(encoded(Image.new("RGB", (3000, 1000), RED))))
    sizes = {size: opened(data).size for size, data in large.items()}
    assert sizes == {"full": (1500, 500), "medium": (512, 171), "thumb": (128, 43)}
    small = render(io.BytesIO(encoded(Image.new("RGB", (200, 10), RED))))
    sizes = {size: opened(data).size for size, data in small.items()}
    assert sizes == {"full": (200, 10), "medium": (200, 10), "thumb": (128, 6)}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_what_browsers_show_is_shown(kind: str) -> None:
    picture = made(encoded(left_and_right(), kind))
    assert picture.size == (400, 200)
    assert is_near(picture, (50, 100), RED)
    assert is_near(picture, (350, 100), BLUE)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO", "TGA", "PCX", "JPEG2000", "EPS"])
def test_what_else_a_library_can_read_is_refused(kind: str) -> None:
    with pytest.raises(UnidentifiedImageError):
        render(io.BytesIO(encoded(left_and_right(64, 64), kind)))


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<?xml version='1.0'?><svg/>", b"\0" * 99],
    ids=["nothing", "svg", "svg with a head", "zeros"],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnidentifiedImageError):
        render(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_shown(kind: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (GREEN, RED, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert is_near(made(data), (32, 32), GREEN)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (400, 200), (10, 100)),
        (2, (400, 200), (390, 100)),
        (3, (400, 200), (390, 100)),
        (6, (200, 400), (100, 10)),
        (8, (200, 400), (100, 390)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright(
    kind: str, orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = made(encoded(left_and_right(), kind, exif=exif))
    assert picture.size == size
    assert is_near(picture, red_at, RED)


@pytest.mark.parametrize("profile", [None, SRGB], ids=["plain", "with a profile"])
def test_nothing_but_pixels_is_handed_on(profile: bytes | None) -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    data = encoded(
        left_and_right(), "JPEG", exif=exif, comment=SECRET, icc_profile=profile, xmp=SECRET
    )
    assert data.count(SECRET) == 3
    for made_of_it in render(io.BytesIO(data)).values():
        assert SECRET not in made_of_it
        assert set(opened(made_of_it).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density",
                                                "progressive", "progression"}  # fmt: skip


def test_colours_of_another_space_are_brought_to_ours() -> None:
    """In this one, red and blue have changed places."""
    profile = bytearray(SRGB)
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    picture = made(encoded(left_and_right(), "PNG", icc_profile=bytes(profile)))
    assert is_near(picture, (50, 100), BLUE)
    assert is_near(picture, (350, 100), RED)


@pytest.mark.parametrize("profile", [b"", b"nonsense" * 100], ids=["empty", "nonsense"])
def test_a_profile_that_says_nothing_is_left_aside(profile: bytes) -> None:
    assert is_near(made(encoded(left_and_right(), "JPEG", icc_profile=profile)), (50, 100), RED)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((0, 0, 31, 63), fill=(0, 0, 0, 255))
    if mode in {"P", "PA"}:
        data = encoded(picture.quantize(8), "PNG")
    else:
        data = encoded(picture.convert(mode), "PNG")
    shown = made(data)
    assert is_near(shown, (10, 32), (0, 0, 0))
    assert is_near(shown, (54, 32), (255, 255, 255))


@pytest.mark.parametrize(("mode", "value"), [("L", 90), ("1", 1), ("I;16", 90 * 256), ("CMYK", 0)])
def test_other_kinds_of_pixels(mode: str, value: int) -> None:
    data = encoded(Image.new(mode, (64, 64), value), "JPEG" if mode == "CMYK" else "PNG")
    grey = 90 if value > 1 else 255
    assert is_near(made(data), (32, 32), (grey, grey, grey))


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and has next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(MAX_PIXELS, 2), (10_000, 10_000), (50_000, 50_000)])
def test_a_picture_with_too_many_pixels_is_refused_before_any_is_decoded(
    size: tuple[int, int],
) -> None:
    with pytest.raises(Image.DecompressionBombError):
        render(io.BytesIO(bomb(*size)))
