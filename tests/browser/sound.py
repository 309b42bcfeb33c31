"""Songs for the tests: a tone that wanders, in every form that people upload."""

import io
import math
import random
from array import array
from dataclasses import dataclass
from functools import lru_cache

import av

RATE = 48_000
SECONDS = 8
STEP = 960
CHANNELS = 2
FRAME_BYTES = 2 * CHANNELS


@dataclass(frozen=True, slots=True)
class Form:
    """`codec` and `container` as FFmpeg names them, `mime_type` as a record would."""

    name: str
    container: str
    codec: str
    mime_type: str


FORMS = (
    Form("wav", "wav", "pcm_s16le", "audio/wav"),
    Form("mp3", "mp3", "libmp3lame", "audio/mpeg"),
    Form("flac", "flac", "flac", "audio/flac"),
    Form("m4a", "mp4", "aac", "audio/mp4"),
    Form("ogg", "ogg", "libopus", "audio/ogg"),
)


def song(form: Form, seed: int) -> bytes:
    """As long as all of them; another seed gives other bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format=form.container) as container:
        stream = container.add_stream(form.codec, rate=RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        fitting = av.AudioResampler(
            format=stream.format.name, layout="stereo", rate=RATE, frame_size=stream.frame_size
        )
        for start in range(0, RATE * SECONDS, STEP):
            for fitted in fitting.resample(_frame(start, seed)):
                container.mux(stream.encode(fitted))
        for fitted in fitting.resample(None):
            container.mux(stream.encode(fitted))
        container.mux(stream.encode(None))
    return file.getvalue()


def _frame(start: int, seed: int) -> av.AudioFrame:
    frame = av.AudioFrame("s16", "stereo", STEP)
    at = (start + seed * STEP) % (RATE * SECONDS) * FRAME_BYTES
    frame.planes[0].update(_samples()[at : at + STEP * FRAME_BYTES])
    frame.sample_rate = RATE
    frame.pts = start
    return frame


@lru_cache
def _samples() -> bytes:
    """With a little noise: silence and pure tones shrink to nothing in some forms."""
    noise = random.Random(1)
    samples = array("h")
    for at in range(RATE * SECONDS):
        tone = math.sin(at * (440 + 50 * math.sin(at / RATE)) * math.tau / RATE)
        for _ in range(CHANNELS):
            samples.append(int(9000 * tone) + noise.randrange(-900, 900))
    return samples.tobytes()
