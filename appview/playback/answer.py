"""What a reader says of a sound, in one line of JSON.

The sound may have taken the reader over, so whoever started it believes only what any sound may
be, and that only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from appview.media.kinds import canonical

LONGEST_MS: Final = 7 * 24 * 3_600_000
LARGEST: Final = 2**31 - 1
MOST_CHANNELS: Final = 255
CODEC: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,31}")
TROUBLE_CHARS: Final = 300


class Unreadable(Exception):
    """The bytes are no sound that we know how to read; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """None is what the bytes do not say."""

    mime_type: str
    codec: str | None
    lossless: bool
    duration_ms: int | None
    bitrate: int | None
    sample_rate: int | None
    channels: int | None
    has_picture: bool


def pack(said: Facts | Unreadable) -> bytes:
    answer = asdict(said) if isinstance(said, Facts) else {"trouble": str(said)[:TROUBLE_CHARS]}
    return orjson.dumps(answer)


def parse(answer: bytes) -> Facts:
    """Raises Unreadable, and nothing else."""
    try:
        said = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise Unreadable("no reader survived it") from error
    if isinstance(said, dict) and said.keys() == {"trouble"} and _is_plain(said["trouble"]):
        raise Unreadable(said["trouble"])
    if not isinstance(said, dict) or said.keys() != MAY_BE.keys():
        raise Unreadable("its reader does not say what readers say")
    for name, may_be in MAY_BE.items():
        if not may_be(said[name]):
            raise Unreadable(f"its reader says of {name} what is said of no sound")
    return Facts(**said)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TROUBLE_CHARS and value.isprintable()


def _is_sound(value: object) -> bool:
    return isinstance(value, str) and value.startswith("audio/") and canonical(value) == value


def _is_codec(value: object) -> bool:
    return value is None or (isinstance(value, str) and CODEC.fullmatch(value) is not None)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _up_to(most: int) -> Callable[[object], bool]:
    return lambda value: value is None or (type(value) is int and 0 < value <= most)


MAY_BE: Final[Mapping[str, Callable[[object], bool]]] = {
    "mime_type": _is_sound,
    "codec": _is_codec,
    "lossless": _is_truth,
    "duration_ms": _up_to(LONGEST_MS),
    "bitrate": _up_to(LARGEST),
    "sample_rate": _up_to(LARGEST),
    "channels": _up_to(MOST_CHANNELS),
    "has_picture": _is_truth,
}
