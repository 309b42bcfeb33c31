"""What the indexer works with, for people and hosts of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from indexer.service import Tools
from migrations.database import open_database
from tests.indexer.tools import tools

NOWHERE = "http://127.0.0.1:9"


@asynccontextmanager
async def local_tools(database_url: str) -> AsyncIterator[Tools]:
    async with (
        open_database(database_url, Path()) as database,
        tools(database.pool, NOWHERE, allow_private_addresses=True) as given,
    ):
        yield given
