"""The recorded firehose of a real PDS and the state it must lead to, where they are at hand."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("PLYR_SHARED", Path(__file__).parents[3] / "shared"))


@dataclass(frozen=True, slots=True)
class Recording:
    frames: Path
    expected: dict[str, Any]


def recording() -> Recording:
    """The recording; the test that asks is skipped where there is none."""
    folder = SHARED / "fixtures" / "reference-pds"
    if not (folder / "frames.bin").exists():
        pytest.skip(f"no recorded firehose in {folder}: set PLYR_SHARED")
    return Recording(folder / "frames.bin", json.loads((folder / "expected.json").read_text()))
