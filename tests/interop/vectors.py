"""Where the atproto interop vectors lie: outside the project, found by a setting."""

import json
from typing import Any

import pytest

from tests.support import SHARED

INTEROP = SHARED / "interop"


def require_interop() -> None:
    """At the top of a module: without the vectors all of it is skipped, and says so."""
    if not INTEROP.is_dir():
        pytest.skip(f"no interop vectors in {INTEROP}: set PLYR_SHARED", allow_module_level=True)


def lines(name: str) -> list[str]:
    """Spaces at the ends count: only empty lines and those starting with # are none."""
    text = (INTEROP / "syntax" / f"{name}.txt").read_text("utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def cases(name: str) -> list[Any]:
    vectors = json.loads((INTEROP / name).read_text("utf-8"))
    return [
        pytest.param(vector, id=vector.get("note") or vector.get("name") or vector.get("cid"))
        for vector in vectors
    ]
