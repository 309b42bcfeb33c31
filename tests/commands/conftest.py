"""The world and the running program of tests/network, asked from a second terminal."""

from pathlib import Path

import pytest

from appview.config import Config
from tests.commands.decisions import config
from tests.network.conftest import lonely_program, stage, story

__all__ = ["lonely_program", "stage", "story"]


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Config:
    return config(database_url, tmp_path)
