"""Streams that do not say how long they are: their frames, one after the other. Pure."""

import os
from typing import BinaryIO, Final

# Kilobits a second by index, of MPEG 1 and of MPEG 2 and 2.5, for the layers I, II and III.
_RATES_1: Final = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_RATES_2: Final = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES: Final = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
_ADTS_HEADER: Final = 7


def mpeg_samples(file: BinaryIO, start: int) -> int:
    """How many samples the frames from `start` on hold, to the first that is none."""
    at, samples = start, 0
    file.seek(at)
    while (frame := _mpeg_frame(file.read(4))) is not None:
        length, count = frame
        samples += count
        at += length
        file.seek(at)
    return samples


def _mpeg_frame(header: bytes) -> tuple[int, int] | None:
    """Its bytes and its samples."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, frequency = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or rate in {0, 15} or frequency == 3:
        return None
    padding = header[2] >> 1 & 1
    bits = 1000 * (_RATES_1 if version == 3 else _RATES_2)[layer][rate]
    hertz = _SAMPLE_RATES[version][frequency]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4, 384
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * bits // hertz + padding, samples


def adts_seconds(file: BinaryIO, start: int, sample_rate: int) -> float | None:
    """None where no frame is to be seen."""
    at, blocks = start, 0
    size = file.seek(0, os.SEEK_END)
    while at < size:
        file.seek(at)
        header = file.read(_ADTS_HEADER)
        if len(header) < _ADTS_HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            break
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        if length < _ADTS_HEADER:
            break
        blocks += 1 + (header[6] & 3)
        at += length
    return blocks * 1024 / sample_rate if blocks and sample_rate else None
