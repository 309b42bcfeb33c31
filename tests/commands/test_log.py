"""What an operator's tools read, in a process of its own: logging is one for all of it."""

import json
import subprocess
import sys

PROGRAM = """
import logging, sys, structlog
from appview.log import configure

configure(sys.argv[1], "info")
structlog.get_logger().info("relay connected", host="relay.test")
logging.getLogger("uvicorn.error").warning("%s is late", "somebody")
logging.getLogger("uvicorn.error").info("nobody asked")
try:
    raise OSError("gone")
except OSError:
    logging.getLogger("asyncio").exception("broken")
"""


def said(log_format: str) -> str:
    command = [sys.executable, "-c", PROGRAM, log_format]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_every_line_for_machines_is_json_the_libraries_among_them() -> None:
    ours, late, broken = map(json.loads, said("json").splitlines())
    assert (ours["event"], ours["host"], ours["level"]) == ("relay connected", "relay.test", "info")
    assert (late["event"], late["logger"], late["level"]) == (
        "somebody is late",
        "uvicorn.error",
        "warning",
    )
    assert broken["event"] == "broken"
    assert "OSError: gone" in broken["exception"]


def test_libraries_speak_to_people_as_we_do() -> None:
    ours, late, *rest = said("text").splitlines()
    assert "[info" in ours
    assert "[warning" in late
    assert "somebody is late" in late
    assert any("OSError: gone" in line for line in rest)
