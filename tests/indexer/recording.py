"""The recorded firehose of a real PDS and the state it must lead to, where they are at hand."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import SHARED

FOLDER = SHARED / "fixtures" / "reference-pds"


@dataclass(frozen=True, slots=True)
class Recording:
    frames: Path
    expected: dict[str, Any]


def recording() -> Recording:
    """The recording; the test that asks is skipped where there is none."""
    if not (FOLDER / "frames.bin").exists():
        pytest.skip(f"no recorded firehose in {FOLDER}: set PLYR_SHARED")
    return Recording(FOLDER / "frames.bin", json.loads((FOLDER / "expected.json").read_text()))
