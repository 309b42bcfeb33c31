"""What is said to a decoder and by it. The server never imports what decodes pictures.

A picture may have taken its decoder over: what that answers is held to what we make.
"""

import struct
from collections.abc import Sequence
from typing import Final

SIDES: Final = {"full": 1500, "medium": 512, "thumb": 128}
"""The longer side of each size, at most; each is made of the one before."""

PICTURE: Final = b"p"
SOUND: Final = b"s"
HEAD: Final = struct.Struct("!?" + "I" * len(SIDES))
"""Of an answer: whether there are pictures, and the lengths of what follows."""

SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 16 << 20
REASON_BYTES: Final = 300
START_OF_FRAME: Final = 0xC2  # of a progressive one
MOST_BEFORE_FRAME: Final = 20


class Refused(Exception):
    """These bytes are no picture that is shown here."""


class Untrue(Exception):
    """No decoder of ours says this."""


def lengths_in(head: bytes) -> tuple[bool, list[int]]:
    """Whether there are pictures, and of what follows the lengths; raises Untrue."""
    is_picture, *lengths = HEAD.unpack(head)
    most = MAX_ANSWER_BYTES if is_picture else REASON_BYTES
    if sum(lengths) > most:
        raise Untrue(f"it says that it has {sum(lengths)} bytes to give")
    return is_picture, lengths


def pictures_of(parts: Sequence[bytes]) -> dict[str, bytes]:
    """By size; raises Untrue."""
    pictures = dict(zip(SIDES, parts, strict=True))
    for size, side in SIDES.items():
        if not 0 < max(size_of(pictures[size])) <= side:
            raise Untrue(f"what it gives as {size} is larger")
    return pictures


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a picture that we made; raises Untrue."""
    try:
        at = 2
        for _ in range(MOST_BEFORE_FRAME):
            if jpeg[at + 1] == START_OF_FRAME:
                height, width = struct.unpack_from("!HH", jpeg, at + 5)
                return width, height
            (length,) = struct.unpack_from("!H", jpeg, at + 2)
            at += 2 + length
    except (IndexError, struct.error):
        pass
    raise Untrue("what it gives is no picture of ours")
