"""The process in which strangers' bytes are decoded: `python -m appview.pictures.decoder <SOCKET`.

It is given open files, one at a time, and answers with pictures. It can write,
start and reach nothing, has its bounds in memory and time, and is ended when it does not answer.
"""

import importlib
import io
import os
import resource
import socket
import sys
import time
from typing import BinaryIO, Final

import mutagen
from PIL import Image

from appview import confinement
from appview.pictures.protocol import HEAD, PICTURE, REASON_BYTES, SECONDS, SIDES, Refused
from appview.pictures.render import render
from appview.playback.covers import picture_in

MEMORY_BYTES: Final = 768 << 20
# Imported by what decodes in the middle of some pictures and sounds, when nothing can be any more.
LATE: Final = (
    "copy",
    "encodings.utf_16",
    "encodings.utf_16_be",
    "encodings.utf_16_le",
    "PIL.ImageColor",
    "PIL.ImagePalette",
    "PIL.MpoImagePlugin",
    "PIL.TiffImagePlugin",
)


def main() -> None:
    connection = socket.socket(fileno=sys.stdin.fileno())
    confine()
    while True:
        kind, files, *_ = socket.recv_fds(connection, 1, 1)
        if not kind:
            return
        with open(files[0], "rb") as file:  # noqa: PTH123 - a descriptor
            connection.sendall(answer(kind, file))


def confine() -> None:
    for module in LATE:
        importlib.import_module(module)
    Image.preinit()
    mutagen.File(io.BytesIO())  # which loads what it knows
    next_file = os.dup(0)
    os.close(next_file)
    os.nice(5)  # whoever waits for a page comes first
    confinement.confine({resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_NOFILE: next_file + 1})


def answer(kind: bytes, file: BinaryIO) -> bytes:
    # Whoever gave the file does so no longer when its answer is late, but may be gone itself.
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + SECONDS) + 1, -1))
    try:
        pictures = list(render(file if kind == PICTURE else _embedded(file)).values())
    except Exception as error:  # noqa: BLE001 - what decoders raise for bytes like these has no end
        reason = f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:REASON_BYTES]
        return HEAD.pack(False, len(reason), *[0] * (len(SIDES) - 1)) + reason
    return HEAD.pack(True, *map(len, pictures)) + b"".join(pictures)


def _embedded(file: BinaryIO) -> BinaryIO:
    data = picture_in(file)
    if data is None:
        raise Refused("there is no picture in it")
    return io.BytesIO(data)


if __name__ == "__main__":
    main()
