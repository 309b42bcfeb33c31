"""Where the program begins. Its parts take a second to load: a signal ends that without a word."""

import gc
import os
import signal
from types import FrameType


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    gc.disable()  # all that is loaded stays: to look through it again and again finds nothing
    from appview import cli  # noqa: PLC0415 - the parts

    gc.enable()
    cli.main()


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
