"""A score as a WAV file, with nothing but arithmetic.

As a process, `python -m appview.demo.sound`, it reads the score as JSON.
"""

import io
import json
import math
import random
import sys
import wave
from array import array
from collections.abc import Callable, Mapping
from functools import cache
from operator import add

from appview.demo.score import Note, Score

RATE = 32_000
PEAK = 28_000
RELEASE_SECONDS = 0.08
ECHO_SECONDS = (0.311, 0.347)  # left and right: what makes a room of one point
ECHO = 0.28
FADE_SECONDS = 0.01

# A voice gives a sample by the angle of its tone and the seconds since it began.
Voice = Callable[[float, float], float]


def _bell(angle: float, seconds: float) -> float:
    """Two sines, one bending the other: an electric piano."""
    bend = 1.8 * math.exp(-3 * seconds) * math.sin(angle)
    return math.sin(angle + bend) * math.exp(-1.6 * seconds)


def _glass(angle: float, seconds: float) -> float:
    bend = 1.1 * math.exp(-5 * seconds) * math.sin(3.5 * angle)
    return math.sin(angle + bend) * math.exp(-2.2 * seconds)


def _flute(angle: float, seconds: float) -> float:
    wave = math.sin(angle + 0.25 * math.sin(31 * seconds)) + 0.2 * math.sin(2 * angle)
    return 0.7 * wave * min(seconds / 0.06, 1)


def _strings(angle: float, seconds: float) -> float:
    """Two of them, a little apart."""
    wave = math.sin(angle) + math.sin(angle * 1.004) + 0.4 * math.sin(2.003 * angle)
    return 0.4 * wave * min(seconds / 0.35, 1)


def _bass(angle: float, seconds: float) -> float:
    return (math.sin(angle) + 0.3 * math.sin(2 * angle)) * math.exp(-1.2 * seconds)


def _kick(_: float, seconds: float) -> float:
    return math.sin(60 * (1 - math.exp(-14 * seconds))) * math.exp(-9 * seconds)


VOICES: Mapping[str, Voice] = {
    "bell": _bell,
    "glass": _glass,
    "flute": _flute,
    "strings": _strings,
    "bass": _bass,
    "kick": _kick,
}


def render(score: Score) -> bytes:
    mix = _mixed(score)
    sides = [_echoing(mix, seconds) for seconds in ECHO_SECONDS]
    loudest = max(max(map(abs, side)) for side in sides)
    both = array("h", bytes(4 * len(sides[0])))
    for place, side in enumerate(sides):
        both[place::2] = array("h", [int(sample * PEAK / loudest) for sample in side])
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(both.tobytes())
    return file.getvalue()


def _mixed(score: Score) -> list[float]:
    second = 60 / score.beats_per_minute
    mix = [0.0] * int((score.beats * second + 1) * RATE)
    tone = cache(_tone)  # a tune comes back, so its notes do
    for note in score.notes:
        samples = tone(note.voice, note.pitch, note.beats * second)
        start = int(note.beat * second * RATE)
        loud = [note.loudness * sample for sample in samples[: len(mix) - start]]
        mix[start : start + len(loud)] = map(add, mix[start : start + len(loud)], loud)
    return mix


def _tone(voice: str, pitch: int, seconds: float) -> list[float]:
    count = int((seconds + RELEASE_SECONDS) * RATE)
    if voice in {"hat", "snare"}:
        noise, fall = random.Random(pitch), {"hat": 45, "snare": 16}[voice]
        return [noise.uniform(-1, 1) * math.exp(-fall * at / RATE) for at in range(count)]
    play, step = VOICES[voice], math.tau * 440 * 2 ** ((pitch - 69) / 12) / RATE
    samples = [play(at * step, at / RATE) for at in range(count)]
    return _shaped(samples, int(FADE_SECONDS * RATE), int(RELEASE_SECONDS * RATE))


def _shaped(samples: list[float], rise: int, fall: int) -> list[float]:
    """Without the clicks of a sudden beginning or end."""
    for at in range(min(rise, len(samples))):
        samples[at] *= at / rise
    for at in range(min(fall, len(samples))):
        samples[-1 - at] *= at / fall
    return samples


def _echoing(mix: list[float], seconds: float) -> list[float]:
    """Block by block, so that an echo has an echo."""
    delay, wet = int(seconds * RATE), mix.copy()
    for start in range(delay, len(wet), delay):
        before = wet[start - delay : start]
        wet[start : start + delay] = [
            sample + ECHO * earlier
            for sample, earlier in zip(wet[start : start + delay], before, strict=False)
        ]
    return wet


def main() -> None:
    beats_per_minute, beats, notes = json.load(sys.stdin)
    score = Score(beats_per_minute, beats, tuple(Note(*note) for note in notes))
    sys.stdout.buffer.write(render(score))


if __name__ == "__main__":
    main()
