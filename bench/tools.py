"""What the indexer works with, for people and hosts of this machine."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from indexer.service import Tools
from lexicons.catalog import load_catalog
from migrations.database import open_database
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.remote import Remote

NOWHERE = "http://127.0.0.1:9"


@asynccontextmanager
async def local_tools(
    database_url: str, trusted_origins: frozenset[str] = frozenset()
) -> AsyncIterator[Tools]:
    client = GuardedClient(
        allow_private_addresses=True, user_agent="bench", trusted_origins=trusted_origins
    )
    async with (
        open_database(database_url, Path()) as database,
        client,
        IdentityResolver(client, NOWHERE, None, IdentityStore(database.pool)) as resolver,
    ):
        yield Tools(
            pool=database.pool,
            catalog=load_catalog("fm.plyr"),
            client=client,
            operators=client,
            resolver=resolver,
            remote=Remote(client, time.monotonic),
            now=lambda: datetime.now(UTC),
        )
