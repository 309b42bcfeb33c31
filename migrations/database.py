"""The one way to open the database: external or embedded, and of the right version."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

from migrations import embedded, runner
from migrations.runner import Connection

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

COMMAND_TIMEOUT_SECONDS = 60


class WrongVersion(Exception):
    """The database is not of the version that this program was written for."""


@dataclass(frozen=True, slots=True)
class Database:
    pool: Pool
    url: str


@asynccontextmanager
async def open_database(
    database_url: str | None,
    data_dir: Path,
    *,
    min_size: int = 1,
    max_size: int = 10,
    migrate: bool = False,
) -> AsyncIterator[Database]:
    """No URL: the embedded Postgres in data_dir, shared with our other processes."""
    async with AsyncExitStack() as stack:
        url = database_url
        if url is None:
            url = await stack.enter_async_context(embedded.running(data_dir / "postgres"))
        if migrate:
            await runner.migrate(url)
        pool = await stack.enter_async_context(
            create_pool(url, min_size=min_size, max_size=max_size)
        )
        async with pool.acquire() as connection:
            await check_version(connection, _migrate_command(database_url, data_dir))
        yield Database(pool, url)


def create_pool(url: str, *, min_size: int = 1, max_size: int = 10) -> Pool:
    """Not yet connected: `async with` or `await` it."""
    pool: Pool = asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        server_settings={"application_name": "plyr-appview", "timezone": "UTC"},
    )
    return pool


async def check_version(connection: Connection, command: str) -> None:
    current = await runner.current_revision(connection)
    known = runner.known_revisions()
    if current == known[-1]:
        return
    if current is None or current in known:
        raise WrongVersion(
            f"the database is at version {current or 'none'}, this program needs {known[-1]}; "
            f"run: {command}"
        )
    raise WrongVersion(
        f"the database is at version {current}, which this program (up to {known[-1]}) does not "
        f"know: it was migrated by a newer plyr-appview. Start that one."
    )


def _migrate_command(database_url: str | None, data_dir: Path) -> str:
    if database_url is None:
        return f"PLYR_DATA_DIR={shlex.quote(str(data_dir))} plyr-appview migrate"
    return "plyr-appview migrate (with the same PLYR_DATABASE_URL)"
