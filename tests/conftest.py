"""Postgres for tests: one server a session, one migrated template, one fresh database a test.

And for all tests that invent their examples: as much time for each as it takes.
"""

import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from migrations import runner
from migrations.database import Pool, create_pool
from tests.databases import (
    fast_server,
    new_database,
    refuse_other_machines,
    server_folder,
)

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest begins first: at the end of a parallel run all would wait for it."""
    items.sort(key=lambda item: "network" not in item.path.parts)


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
