"""The start of a process that reads the bytes of a stranger, and gives up the rest by itself."""

import subprocess
import sys
from pathlib import Path


def start(module: str, stdin: int, stdout: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    """Blocks. Not through the event loop: uvloop's processes inherit descriptors."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", module],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        cwd="/",
    )
