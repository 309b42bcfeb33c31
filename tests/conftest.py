"""Postgres for tests: one server a session, one migrated template, one fresh database a test.

And for all tests that invent their examples: as much time for each as it takes.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from hypothesis import settings

from migrations import embedded, runner
from migrations.database import Pool, create_pool
from tests.support import refuse_other_machines

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 3 << 30

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest begins first: at the end of a parallel run all would wait for it."""
    items.sort(key=lambda item: "network" not in item.path.parts)


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def new_database(server_url: str, template: str) -> AsyncIterator[str]:
    name = f"plyr_test_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server_url)
    try:
        # Files copied are a few calls, where the default takes every page through the WAL.
        await admin.execute(f"create database {name} template {template} strategy file_copy")
        try:
            yield with_database(server_url, name)
        finally:
            await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@asynccontextmanager
async def fast_server(folder: Path) -> AsyncIterator[str]:
    """A Postgres of our own that need not survive a power cut."""
    async with embedded.running(folder) as url:
        admin = await asyncpg.connect(url)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await admin.execute(f"alter system set {setting} = off")
        await admin.execute("alter system set max_wal_size = '256MB'")
        await admin.execute("select pg_reload_conf()")
        await admin.close()
        yield url


@contextmanager
def server_folder(on_disk: Path) -> Iterator[Path]:
    """In memory where there is plenty: each database is a thousand files to make and to delete."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        yield on_disk
        return
    with tempfile.TemporaryDirectory(prefix="plyr-test-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server on which tests may create databases."""
    if given := os.environ.get("PLYR_TEST_DATABASE_URL"):
        yield refuse_other_machines(given, os.environ)
        return
    with server_folder(tmp_path_factory.mktemp("postgres")) as folder:
        async with fast_server(folder) as url:
            yield url


@pytest.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[str]:
    """The name of a migrated database that nothing is connected to."""
    async with new_database(postgres_url, "template0") as url:
        await runner.migrate(url)
        yield urlsplit(url).path[1:]


@pytest.fixture
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """A fresh, migrated, empty database."""
    async with new_database(postgres_url, template) as url:
        yield url


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database without our schema."""
    async with new_database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with create_pool(database_url, min_size=1, max_size=10) as pool:
        yield pool
