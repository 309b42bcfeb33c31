"""What the bytes of a sound file say of it. Pure, and for strangers' bytes: see reader.py.

mutagen reads the containers. What it only guesses, the length of MPEG and ADTS streams that do
not say theirs, is counted frame by frame.
"""

import os
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from mutagen.aac import AACInfo
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp3 import BitrateMode, MPEGInfo
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from appview.playback.answer import (
    CODEC,
    LARGEST,
    LONGEST_MS,
    MOST_CHANNELS,
    Facts,
    Unreadable,
)
from appview.playback.covers import pictures_of
from appview.playback.frames import adts_seconds, mpeg_samples

# Not even silence is packed into less, so a length that would make it less is a lie.
FEWEST_BITS_A_SECOND: Final = 100
HEAD_BYTES: Final = 4_096
TAGS_AT_MOST: Final = 5
LOSSLESS_CODECS: Final = {"alac", "flac", "fLaC"}
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
OGG: Final = {
    b"OpusHead": (OggOpus, "opus"),
    b"\x01vorbis": (OggVorbis, "vorbis"),
    b"\x7fFLAC": (OggFLAC, "flac"),
    b"Speex   ": (OggSpeex, "speex"),
}


@dataclass(frozen=True, slots=True)
class _Found:
    mime_type: str
    codec: str | None
    info: Any
    sound: Any = None
    lossless: bool = False
    seconds: float | None = None


def measure(file: BinaryIO) -> Facts:
    """Raises Unreadable, and nothing else."""
    try:
        size = file.seek(0, os.SEEK_END)
        return _facts(_found(file, _start(file)), size)
    except Unreadable:
        raise
    # Which errors the readers raise for bytes that nobody thought of has no end.
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {str(error)!a}") from error


def _start(file: BinaryIO) -> int:
    """Where the sound begins: some put tags of another kind before it, or several."""
    at = 0
    for _ in range(TAGS_AT_MOST):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or not head.startswith(b"ID3"):
            break
        at += 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    return at


def _found(file: BinaryIO, start: int) -> _Found:
    file.seek(start)
    head = file.read(HEAD_BYTES)
    if head[:2] in {b"RI", b"FO"} or head[4:8] == b"ftyp":
        return _in_boxes(file, head)
    if head.startswith(b"OggS"):
        return _in_ogg(file, head)
    if head.startswith(b"fLaC"):
        sound = _read(FLAC, file)
        return _Found("audio/flac", "flac", sound.info, sound, lossless=True)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        info = _read(AACInfo, file)
        seconds = adts_seconds(file, start, info.sample_rate)
        return _Found("audio/aac", "mp4a.40.2", info, _tagged(file), seconds=seconds)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _mpeg(file, start)
    raise Unreadable(f"no sound that begins with {head[:8].hex()} is known")


def _read(kind: Any, file: BinaryIO) -> Any:  # noqa: ANN401 - mutagen has a class for each
    file.seek(0)
    return kind(file)


def _mpeg(file: BinaryIO, start: int) -> _Found:
    info = MPEGInfo(file, start)
    if info.sketchy:
        raise Unreadable("too few frames of MPEG audio in a row")
    seconds = None
    if info.bitrate_mode is BitrateMode.UNKNOWN:
        seconds = mpeg_samples(file, info.frame_offset) / info.sample_rate
    codec = "mp3" if info.layer == 3 else None
    return _Found("audio/mpeg", codec, info, _tagged(file), seconds=seconds)


def _in_ogg(file: BinaryIO, head: bytes) -> _Found:
    packet = head[27 + head[26] :]
    for magic, (kind, codec) in OGG.items():
        if packet.startswith(magic):
            sound = _read(kind, file)
            return _Found("audio/ogg", codec, sound.info, sound, lossless=codec == "flac")
    raise Unreadable(f"no Ogg stream that begins with {packet[:8].hex()} is known")


def _in_boxes(file: BinaryIO, head: bytes) -> _Found:
    if head[4:8] == b"ftyp":
        mp4 = _read(MP4, file)
        codec = mp4.info.codec if CODEC.fullmatch(mp4.info.codec) else None
        return _Found("audio/mp4", codec, mp4.info, mp4, lossless=codec in LOSSLESS_CODECS)
    if head[8:12] == b"WAVE":
        wave = _read(WAVE, file)
        form = wave.info.audio_format
        is_plain = form in {PCM, FLOAT, EXTENSIBLE}
        codec = None if form == EXTENSIBLE else str(form)
        # What is written while it plays does not know its length: there is no more than the file.
        return _Found("audio/wav", codec, wave.info, wave, is_plain, _at_most(wave.info, file))
    if head[8:12] in {b"AIFF", b"AIFC"}:
        aiff = _read(AIFF, file)
        is_plain = head[8:12] == b"AIFF"
        return _Found("audio/aiff", None, aiff.info, aiff, is_plain, _at_most(aiff.info, file))
    raise Unreadable(f"no container that is called {head[8:12]!r} is known")


def _at_most(info: Any, file: BinaryIO) -> float:  # noqa: ANN401 - mutagen has a class for each
    seconds = float(info.length)
    return min(seconds, file.seek(0, os.SEEK_END) * 8 / info.bitrate) if info.bitrate else seconds


def _tagged(file: BinaryIO) -> object:
    """MPEG and ADTS have their tags before them; broken ones take nothing from the sound."""
    try:
        return _Tags(_read(ID3, file))
    except Exception:  # noqa: BLE001 - as above
        return None


@dataclass(frozen=True, slots=True)
class _Tags:
    tags: ID3


def _facts(found: _Found, size: int) -> Facts:
    info = found.info
    seconds = info.length if found.seconds is None else found.seconds
    duration = _whole(seconds * 1000, LONGEST_MS)
    if duration is not None and size * 8_000 / duration < FEWEST_BITS_A_SECOND:
        duration = None
    bitrate = _whole(getattr(info, "bitrate", 0) or 0)
    if duration is not None and (bitrate is None or found.seconds is not None):
        bitrate = _whole(size * 8_000 / duration)
    return Facts(
        found.mime_type,
        found.codec,
        found.lossless,
        duration,
        bitrate,
        48_000 if found.codec == "opus" else _whole(getattr(info, "sample_rate", 0)),
        _whole(info.channels, MOST_CHANNELS),
        any(True for _ in pictures_of(found.sound)),
    )


def _whole(number: float, most: int = LARGEST) -> int | None:
    """What is neither nothing nor beyond belief."""
    rounded = round(number)
    return rounded if 0 < rounded <= most else None
