from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migrations.folder import Folder
from tests.migrations.processes import is_stopped


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    folder = Folder(tmp_path / "data" / "postgres")
    yield folder
    await is_stopped(folder)
