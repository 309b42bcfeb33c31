"""Whoever changes their mind in the first second hears nothing but the prompt."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from threading import Timer

import pytest

from tests.network.program import COMMAND, ROOT

END_SECONDS = 60
NOWHERE = "http://127.0.0.1:9"
COMMANDS = ("run", "index", "serve", "demo", "status", "migrate", "backfill", "replay")


def start(command: str, folder: Path, discovery: str = NOWHERE) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLYR_")}
    settings = {
        "PYTHONPATH": str(ROOT),
        "PYTHONPROFILEIMPORTTIME": "1",
        "TMPDIR": str(folder),
        "PLYR_PORT": "0",
        "PLYR_METRICS_LISTEN": "off",
        "PLYR_RELAY_URL": NOWHERE.replace("http", "ws"),
        "PLYR_DISCOVERY_URL": discovery,
        "PLYR_PLC_URL": NOWHERE,
        "PLYR_ALLOW_PRIVATE_ADDRESSES": "on",
    }
    words = [command, os.devnull] if command == "replay" else [command]
    return subprocess.Popen(
        [str(COMMAND), *words], cwd=folder, env=kept | settings,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
    )  # fmt: skip


def told(process: subprocess.Popen[bytes], moment: str, number: int) -> list[str]:
    """What it says after the signal, which it gets when a line that it says ends so."""
    assert process.stderr is not None
    patience = Timer(END_SECONDS, process.kill)
    patience.start()
    try:
        while not (line := process.stderr.readline()).rstrip().endswith(moment.encode()):
            assert line, f"it ended before {moment}"
        process.send_signal(number)
        rest = process.communicate()[1].decode().splitlines()
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        process.stderr.close()
    return [line for line in rest if line and not line.startswith("import time:")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_program_that_is_still_loading_ends_at_once(
    command: str, number: int, tmp_path: Path
) -> None:
    process = start(command, tmp_path)
    assert told(process, " asyncpg", number) == []
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["click", "orjson", "appview.composition", "appview.cli"])
def test_the_demo_can_be_ended_before_it_begins(module: str, tmp_path: Path) -> None:
    process = start("demo", tmp_path)
    assert told(process, f" {module}", signal.SIGINT) == []
    assert process.returncode in {0, 130}
    assert list(tmp_path.iterdir()) == []


def test_a_backfill_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = start("backfill", tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert told(process, "revisions=['0001_index']", signal.SIGINT) == []
    assert process.returncode == 130


def test_a_backfill_that_finds_nobody_to_ask_says_whom(tmp_path: Path) -> None:
    process = start("backfill", tmp_path)
    _, said = process.communicate(timeout=END_SECONDS)
    assert said.decode().splitlines()[-1].startswith(f"Error: {NOWHERE}: ")
    assert process.returncode == 1
