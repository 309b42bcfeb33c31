"""Music that nobody has written: chords that lead somewhere, and a tune over them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

BEATS = 4  # in a bar
FORM = "AABA"
PHRASE_BARS = 4
MAJOR = (0, 2, 4, 5, 7, 9, 11)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
MINOR = (0, 2, 3, 5, 7, 8, 10)
# Of each scale: roots that people have liked to hear after one another, for A and for B.
PROGRESSIONS: Mapping[tuple[int, ...], Sequence[tuple[tuple[int, ...], tuple[int, ...]]]] = {
    MAJOR: (((0, 5, 3, 4), (3, 4, 2, 5)), ((0, 4, 5, 3), (1, 4, 0, 4))),
    DORIAN: (((0, 3, 0, 3), (5, 6, 0, 3)), ((0, 6, 3, 0), (2, 3, 6, 4))),
    MINOR: (((0, 5, 2, 6), (3, 6, 2, 4)), ((0, 3, 5, 4), (5, 6, 0, 4))),
}
RHYTHMS = (
    (0.0, 1.0, 1.5, 2.5, 3.0),
    (0.0, 0.5, 1.5, 2.0, 3.5),
    (0.5, 1.0, 2.0, 2.5, 3.0, 3.5),
    (0.0, 1.5, 3.0),
)


@dataclass(frozen=True, slots=True)
class Note:
    """`pitch` as in MIDI; `voice` is an instrument of sound.py."""

    beat: float
    beats: float
    pitch: int
    voice: str
    loudness: float


@dataclass(frozen=True, slots=True)
class Score:
    beats_per_minute: float
    beats: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """`tune`, `chords` and `bass` are voices; without drums it is quieter."""

    scale: tuple[int, ...]
    beats_per_minute: tuple[int, int]
    tune: str
    chords: str
    bass: str
    has_drums: bool


def compose(style: Style, seed: int) -> Score:
    """The same for the same seed."""
    dice = random.Random(seed)
    tonic = dice.randrange(48, 57)
    roots = dict(zip("AB", dice.choice(PROGRESSIONS[style.scale]), strict=True))
    tunes = {part: _tune(style, roots[part], tonic, dice) for part in "AB"}
    notes: list[Note] = []
    for number, part in enumerate(FORM):
        start = number * PHRASE_BARS * BEATS
        backing = [*_chords(style, roots[part], tonic), *_bass(style, roots[part], tonic)]
        if style.has_drums and number:
            backing += _drums(PHRASE_BARS)
        notes += [_later(note, start) for note in (*backing, *tunes[part])]
    last = len(FORM) * PHRASE_BARS * BEATS
    notes += [
        Note(last, BEATS, _pitch(style, tonic, degree), style.chords, 0.5)
        for degree in (0, 2, 4, 7)
    ]
    return Score(dice.uniform(*style.beats_per_minute), last + BEATS, tuple(notes))


def _pitch(style: Style, tonic: int, degree: int) -> int:
    octave, step = divmod(degree, len(style.scale))
    return tonic + 12 * octave + style.scale[step]


def _later(note: Note, beats: float) -> Note:
    return Note(note.beat + beats, note.beats, note.pitch, note.voice, note.loudness)


def _chords(style: Style, roots: tuple[int, ...], tonic: int) -> Iterator[Note]:
    for bar, root in enumerate(roots):
        for third in (0, 2, 4, 6):
            # Kept within an octave, so that the voices move little from chord to chord.
            pitch = _pitch(style, tonic, (root + third) % 7)
            yield Note(bar * BEATS, BEATS, pitch, style.chords, 0.28)


def _bass(style: Style, roots: tuple[int, ...], tonic: int) -> Iterator[Note]:
    for bar, root in enumerate(roots):
        low = _pitch(style, tonic, root) - (24 if _pitch(style, tonic, root) > 52 else 12)
        for beat, beats, up in ((0.0, 1.5, 0), (1.5, 0.5, 0), (2.0, 1.0, 7), (3.0, 1.0, 0)):
            yield Note(bar * BEATS + beat, beats, low + up, style.bass, 0.55)


def _drums(bars: int) -> Iterator[Note]:
    for beat in range(bars * BEATS):
        yield Note(beat, 0.5, 36, "kick" if beat % 2 == 0 else "snare", 0.5)
        for half in (0.0, 0.5):
            yield Note(beat + half, 0.25, 60, "hat", 0.12 + 0.1 * half)


def _tune(style: Style, roots: tuple[int, ...], tonic: int, dice: random.Random) -> list[Note]:
    """Tones of the chord on the beat, steps between them; the third bar answers the first."""
    rhythms = [dice.choice(RHYTHMS) for _ in range(2)]
    degree = dice.choice((7, 9, 11))
    notes = []
    for bar, root in enumerate(roots):
        starts = rhythms[bar % 2]
        for beat, after in zip(starts, (*starts[1:], float(BEATS)), strict=True):
            tones = [root + third for third in range(0, 21, 2) if 5 <= root + third <= 14]
            if beat == int(beat):
                degree = min(tones, key=lambda tone: (abs(tone - degree), dice.random()))
            else:
                degree = min(max(degree + dice.choice((-2, -1, -1, 1, 1, 2)), 5), 14)
            pitch = _pitch(style, tonic, degree)
            notes.append(Note(bar * BEATS + beat, after - beat, pitch, style.tune, 0.5))
    return notes
