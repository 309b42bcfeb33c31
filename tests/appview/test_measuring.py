"""What bytes say of their sound: held against FFmpeg's word, and safe whatever the bytes are."""

import io
import random
import struct
from collections.abc import Iterator
from functools import lru_cache

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3

from appview.playback.answer import Facts, Unreadable
from appview.playback.measuring import measure

RATE = 48_000
SECONDS = 4
# Container and codec as FFmpeg names them, and what is to be said of them.
FORMS = {
    "wav": ("wav", "pcm_s16le", "audio/wav", "1", True),
    "float wav": ("wav", "pcm_f32le", "audio/wav", "3", True),
    "aiff": ("aiff", "pcm_s16be", "audio/aiff", None, True),
    "flac": ("flac", "flac", "audio/flac", "flac", True),
    "mp3": ("mp3", "libmp3lame", "audio/mpeg", "mp3", False),
    "aac": ("adts", "aac", "audio/aac", "mp4a.40.2", False),
    "m4a": ("mp4", "aac", "audio/mp4", "mp4a.40.2", False),
    "alac": ("mp4", "alac", "audio/mp4", "alac", True),
    "opus": ("ogg", "libopus", "audio/ogg", "opus", False),
    "vorbis": ("ogg", "vorbis", "audio/ogg", "vorbis", False),
}


@lru_cache
def song(name: str) -> bytes:
    """Noise: what can be packed well is no measure of a bitrate."""
    container_name, codec, *_ = FORMS[name]
    file = io.BytesIO()
    noise = random.Random(1).randbytes(RATE * 4)
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo", options={"strict": "-2"})
        assert isinstance(stream, av.AudioStream)
        fitting = av.AudioResampler(stream.format.name, "stereo", RATE, stream.frame_size or 960)
        for second in range(SECONDS):
            frame = av.AudioFrame("s16", "stereo", RATE)
            frame.planes[0].update(noise)
            frame.sample_rate, frame.pts = RATE, second * RATE
            for fitted in fitting.resample(frame):
                container.mux(stream.encode(fitted))
        for fitted in fitting.resample(None):
            container.mux(stream.encode(fitted))
        container.mux(stream.encode(None))
    return file.getvalue()


def measured(data: bytes) -> Facts:
    return measure(io.BytesIO(data))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_measured_as_long_as_it_was_made(name: str) -> None:
    facts = measured(song(name))
    _, _, mime_type, codec, lossless = FORMS[name]
    assert (facts.mime_type, facts.codec, facts.lossless) == (mime_type, codec, lossless)
    assert (facts.sample_rate, facts.channels) == (RATE, 2)
    assert facts.duration_ms == pytest.approx(SECONDS * 1000, abs=60)  # encoders pad
    assert facts.bitrate == pytest.approx(len(song(name)) * 8 / SECONDS, rel=0.1)
    assert not facts.has_picture


def mpeg_frame(kilobits_index: int) -> bytes:
    header = bytes([0xFF, 0xFB, kilobits_index << 4 | 0b0100, 0xC4])
    kilobits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[kilobits_index]
    return header + bytes(144 * kilobits * 1000 // RATE - 4)


def test_a_variable_bitrate_without_a_header_is_counted_to_the_end() -> None:
    """By its first frame it would be ten times as long."""
    data = mpeg_frame(1) * 10 + mpeg_frame(14) * 990
    assert measured(data).duration_ms == 1000 * 1152 * 1000 // RATE
    assert measured(tagged(data)).duration_ms == 1000 * 1152 * 1000 // RATE


def tagged(data: bytes) -> bytes:
    file = io.BytesIO(data)
    tags = ID3()  # type: ignore[no-untyped-call] # mutagen's
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"\x89PNG"))  # type: ignore[no-untyped-call]
    tags.save(file)
    return file.getvalue()


def test_a_picture_is_told_of_wherever_the_tags_are() -> None:
    assert measured(tagged(song("mp3"))).has_picture
    assert measured(tagged(song("aac"))).has_picture
    file = io.BytesIO(song("flac"))
    sound = FLAC(file)  # type: ignore[no-untyped-call]
    picture = Picture()  # type: ignore[no-untyped-call]
    picture.data, picture.mime = b"\x89PNG", "image/png"
    sound.add_picture(picture)  # type: ignore[no-untyped-call]
    file.seek(0)
    sound.save(file)
    assert measured(file.getvalue()).has_picture


def test_broken_tags_take_nothing_from_the_sound() -> None:
    data = bytearray(tagged(song("mp3")))
    data[3:10] = b"\x04\x00\xff" + data[6:10]  # flags that nobody knows
    facts = measured(bytes(data))
    assert facts.duration_ms == pytest.approx(4000, abs=60)
    assert not facts.has_picture


def test_what_was_written_while_it_played_is_as_long_as_its_file() -> None:
    data = bytearray(song("wav"))
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = struct.pack("<I", 0xFFFF_FFFF)
    assert measured(bytes(data)).duration_ms == pytest.approx(4000, abs=5)


def test_a_length_beyond_belief_is_none() -> None:
    data = bytearray(song("flac"))
    data[21:26] = bytes(
        [data[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF]
    )  # STREAMINFO: all samples there are
    facts = measured(bytes(data))
    assert (facts.duration_ms, facts.sample_rate) == (None, RATE)


@pytest.mark.parametrize("data", [b"", b"ID3", b"\x89PNG\r\n\x1a\n", b"<html>", b"\xff\xfb\x90"])
def test_what_is_no_sound_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        measured(data)


# whatever the bytes are -----------------------------------------------------------------------

HEADS = (
    *(b"", b"ID3\x04\0\0\0\0\0\x05", b"fLaC", b"OggS", b"RIFF", b"FORM"),
    *(b"\0\0\0\x1cftyp", b"\xff\xf1", b"\xff\xfb\x90\xc4"),
)


def check(data: bytes) -> None:
    try:
        facts = measured(data)
    except Unreadable as error:
        assert str(error).isascii()
        assert len(str(error)) <= 300
        return
    numbers = (facts.duration_ms, facts.bitrate, facts.sample_rate, facts.channels)
    assert all(number is None or 0 < number < 2**31 for number in numbers)
    assert facts.codec is None or facts.codec.isascii()


@settings(max_examples=300)
@given(st.sampled_from(HEADS), st.binary(max_size=4_000))
def test_any_bytes_are_facts_or_unreadable(head: bytes, rest: bytes) -> None:
    check(head + rest)


def damaged(name: str, random_: random.Random) -> Iterator[bytes]:
    whole = song(name)
    for _ in range(30):
        data = bytearray(whole[: random_.choice([200, 2_000, 40_000, len(whole)])])
        for _ in range(random_.choice([1, 3, 30])):
            data[random_.randrange(min(len(data), random_.choice([60, 600, len(data)])))] = (
                random_.choice([0, 1, 0x7F, 0x80, 0xFF, random_.randrange(256)])
            )
        yield bytes(data)


@pytest.mark.parametrize("name", FORMS)
def test_a_damaged_file_is_facts_or_unreadable(name: str) -> None:
    for data in damaged(name, random.Random(name)):
        check(data)
