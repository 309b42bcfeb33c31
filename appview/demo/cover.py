"""Pictures for records that have none: rings on a sky, in colours of their own."""

import colorsys
import io
import random

from PIL import Image, ImageDraw

SIDE = 640
RINGS = 9
Colour = tuple[int, int, int]


def cover(seed: int) -> bytes:
    """A PNG, the same for the same seed."""
    dice = random.Random(seed)
    hue = dice.random()
    sky = Image.composite(
        Image.new("RGB", (SIDE, SIDE), _colour(hue, 0.75, 0.35)),
        Image.new("RGB", (SIDE, SIDE), _colour(hue + 0.15, 0.55, 0.95)),
        Image.linear_gradient("L").resize((SIDE, SIDE)),
    )
    draw = ImageDraw.Draw(sky, "RGBA")
    for _ in range(3):
        x, y, reach = dice.randrange(SIDE), dice.randrange(SIDE), dice.randrange(180, 420)
        tint = _colour(hue + dice.choice((0.08, 0.45, 0.55)), 0.6, 1)
        for ring in range(RINGS, 0, -1):
            radius = reach * ring / RINGS
            draw.circle((x, y), radius, fill=(*tint, 22), outline=(*tint, 90), width=2)
    file = io.BytesIO()
    sky.save(file, "PNG")
    return file.getvalue()


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
