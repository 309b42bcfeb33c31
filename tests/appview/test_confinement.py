"""What is left to the code of a stranger in a process that reads what strangers wrote."""

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from appview.confinement import CREATE_RULESET, SYSTEM_CALLS

PROCESSES = {"pictures": "appview.pictures.decoder", "sounds": "appview.playback.reader"}
TRIED = """
import importlib, os, resource, socket, sys
name, attempt, place = sys.argv[1:]
process, there = importlib.import_module(name), socket.socket(socket.AF_UNIX)
resource.RLIMIT_NOFILE = resource.RLIMIT_CORE  # or some would only fail for want of a number
attempts = {
    "socket": lambda: socket.socket(),
    "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "neighbour": lambda: socket.socket(socket.AF_UNIX),
    "connection": lambda: there.connect(place),
    "child": os.fork,
    "program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "signal": lambda: os.kill(os.getppid(), 0),
    "reading": lambda: os.open(place, os.O_RDONLY),
    "listing": lambda: os.listdir(os.path.dirname(place)),
    "cutting": lambda: os.truncate(place, 0),
    "removal": lambda: os.unlink(place),
    "renaming": lambda: os.rename(place, place + "x"),
    "folder": lambda: os.mkdir(place + "x"),
}
process.confine()
try:
    attempts[attempt]()
except PermissionError:
    os._exit(7)
os._exit(1)
"""


def refused(process: str, attempt: str, place: Path) -> bool:
    words = [sys.executable, "-c", TRIED, PROCESSES[process], attempt, str(place)]
    ended = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, env={**os.environ})
    return ended.returncode == 7


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SYSTEM_CALLS,
    reason="no filter of system calls for this machine",
)
@pytest.mark.parametrize(
    "attempt", ["socket", "datagrams", "neighbour", "connection", "child", "program", "signal"]
)
@pytest.mark.parametrize("process", PROCESSES)
def test_it_reaches_nobody(process: str, attempt: str, tmp_path: Path) -> None:
    assert refused(process, attempt, tmp_path / "file")


@pytest.mark.skipif(
    sys.platform != "linux" or ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1) < 3,
    reason="no Landlock, or an old one",
)
@pytest.mark.parametrize(
    "attempt", ["reading", "listing", "cutting", "removal", "renaming", "folder"]
)
@pytest.mark.parametrize("process", PROCESSES)
def test_it_touches_no_file(process: str, attempt: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("dear")
    assert refused(process, attempt, file)
    assert (list(tmp_path.iterdir()), file.read_text()) == ([file], "dear")
