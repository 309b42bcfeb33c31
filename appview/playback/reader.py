"""The process that reads a stranger's sound file: `python -m appview.playback.reader < FILE`.

It can write, start and reach nothing, and is bounded in memory and time; whoever started it reads
one line of JSON, or ends it.
"""

import codecs
import os
import resource
import sys
from typing import Final

from appview import confinement
from appview.playback.answer import Unreadable, pack
from appview.playback.measuring import measure

MEMORY_BYTES: Final = 512 << 20
CPU_SECONDS: Final = 10


# What tags are written in: a codec that is not there yet would have to be read from a file.
CODECS: Final = ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-be", "utf-16-le")


def confine() -> None:
    for codec in CODECS:
        codecs.lookup(codec)
    os.nice(10)  # listeners come first
    confinement.confine(
        {
            resource.RLIMIT_AS: MEMORY_BYTES,
            resource.RLIMIT_CPU: CPU_SECONDS,
            resource.RLIMIT_NOFILE: 0,  # what is open stays so
        }
    )


def main() -> None:
    confine()
    try:
        answer = pack(measure(sys.stdin.buffer))
    except Unreadable as error:
        answer = pack(error)
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
