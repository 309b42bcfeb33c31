"""What is said to a decoder and by it. The server never imports what decodes pictures."""

import struct
from typing import Final

SIDES: Final = {"full": 1500, "medium": 512, "thumb": 128}
"""The longer side of each size, at most; each is made of the one before."""

PICTURE: Final = b"p"
SOUND: Final = b"s"
HEAD: Final = struct.Struct("!?" + "I" * len(SIDES))
"""Of an answer: whether there are pictures, and the lengths of what follows."""

SECONDS: Final = 10.0


class Refused(Exception):
    """These bytes are no picture that is shown here."""
