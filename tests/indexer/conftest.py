from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migrations.database import Pool
from tests.indexer.scene import Scene, complete


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        yield scene
