import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migrations import embedded
from migrations.folder import Folder
from migrations.unprivileged import give, owner_of
from tests.migrations.processes import is_stopped


@pytest.fixture
async def new_folder(tmp_path: Path) -> AsyncIterator[Folder]:
    """Where nothing has ever run."""
    folder = Folder(tmp_path / "data" / "postgres")
    yield folder
    await is_stopped(folder)


@pytest.fixture(scope="session")
async def seed(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("seed") / "postgres")
    async with embedded.running(folder.path):
        return folder


@pytest.fixture
async def folder(seed: Folder, new_folder: Folder) -> Folder:
    """Where Postgres ran once and stopped."""
    new_folder.path.mkdir(parents=True)
    shutil.copytree(seed.cluster, new_folder.cluster)
    give(new_folder.cluster, owner_of(seed))
    return new_folder
