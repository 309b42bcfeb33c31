"""What the indexer works with, for a directory of the test."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from indexer.service import Tools
from lexicons.catalog import load_catalog
from migrations.database import Pool
from tests.support import NO_AUTHORITIES
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.remote import Remote


@asynccontextmanager
async def tools(
    pool: Pool, directory: str, *, allow_private_addresses: bool = False
) -> AsyncIterator[Tools]:
    client = GuardedClient(
        allow_private_addresses=allow_private_addresses,
        user_agent="plyr-appview tests",
        trusted_origins=frozenset({directory}),
        ssl_context=NO_AUTHORITIES,
    )
    async with (
        client,
        IdentityResolver(client, directory, directory, IdentityStore(pool)) as resolver,
    ):
        yield Tools(
            pool=pool,
            catalog=load_catalog("fm.plyr"),
            client=client,
            operators=client,
            resolver=resolver,
            remote=Remote(client, time.monotonic),
            now=lambda: datetime.now(UTC),
        )
