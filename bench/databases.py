"""Databases with our schema and nothing in them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from migrations import embedded, runner
from tests.databases import new_database


@asynccontextmanager
async def new_index(server: str) -> AsyncIterator[str]:
    async with new_database(server, "template0") as url:
        await runner.migrate(url)
        yield url


@asynccontextmanager
async def own_index() -> AsyncIterator[str]:
    """On a Postgres of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded.running(Path(folder) / "postgres") as server, new_index(server) as url:
            yield url
