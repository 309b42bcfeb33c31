"""The process in which strangers' bytes are decoded: `python -m appview.pictures.decoder FD`.

It is given files to read, open, through a socket, and answers with pictures. It can open, start
and reach nothing else, has its bounds in memory and time, and is ended whenever it does not answer.
"""

import io
import resource
import socket
import struct
import sys
import time
from typing import BinaryIO, Final

from appview.pictures.embedded import picture_in
from appview.pictures.render import SIDES, Refused, render

MEMORY_BYTES: Final = 1 << 30
SECONDS: Final = 10
PICTURE: Final = b"p"
SOUND: Final = b"s"
HEAD: Final = struct.Struct("!?" + "I" * len(SIDES))
REASON_BYTES: Final = 300


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    confine()
    while True:
        kind, files, *_ = socket.recv_fds(connection, 1, 1)
        if not kind:
            return
        with open(files[0], "rb") as file:  # noqa: PTH123 - a descriptor
            connection.sendall(answer(kind, file))


def confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))


def answer(kind: bytes, file: BinaryIO) -> bytes:
    # Whoever gave the file does so no longer when its answer is late, but may be gone itself.
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + SECONDS + 1, -1))
    try:
        pictures = list(render(file if kind == PICTURE else _embedded(file)).values())
    except Exception as error:  # noqa: BLE001 - what decoders raise for bytes like these has no end
        reason = f"{type(error).__name__}: {error}"[:REASON_BYTES].encode("utf-8", "replace")
        return HEAD.pack(False, len(reason), *[0] * (len(SIDES) - 1)) + reason
    return HEAD.pack(True, *map(len, pictures)) + b"".join(pictures)


def _embedded(file: BinaryIO) -> BinaryIO:
    data = picture_in(file)
    if data is None:
        raise Refused("there is no picture in it")
    return io.BytesIO(data)


if __name__ == "__main__":
    main()
