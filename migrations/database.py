"""The one way to open the database: external or embedded, and of the right version."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import structlog

from migrations import embedded, runner
from migrations.errors import UnsuitableServer
from migrations.runner import Connection

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

DATABASE_ERRORS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""All that a statement may come back with, whatever is the matter."""

DATABASE_AWAY: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""It went, or is out of disk, memory or connections: asked again it may answer."""

OLDEST_SERVER = 150000
EXTENSIONS = {"pg_trgm": "similarity(text,text)", "unaccent": "unaccent(text)"}
COMMAND_TIMEOUT_SECONDS = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Database:
    pool: Pool
    url: str


@asynccontextmanager
async def open_database(
    database_url: str | None,
    data_dir: Path,
    *,
    max_size: int = 10,
    migrate: bool = False,
) -> AsyncIterator[Database]:
    """Without a URL the embedded Postgres in data_dir, shared with our other processes.

    Raises CannotOpen; its message is for the operator.
    """
    async with AsyncExitStack() as stack:
        url = database_url
        if url is None:
            url = await stack.enter_async_context(embedded.running(data_dir / "postgres"))
        command = migrate_command(database_url, data_dir)
        await _check(url, command, migrate=migrate)
        pool = await stack.enter_async_context(create_pool(url, max_size=max_size))
        yield Database(pool, url)


def create_pool(url: str, *, min_size: int = 1, max_size: int = 10) -> Pool:
    """Not yet connected: `async with` or `await` it."""
    pool: Pool = asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        server_settings={"application_name": "plyr-appview", "timezone": "UTC", "jit": "off"},
    )
    return pool


def migrate_command(database_url: str | None, data_dir: Path) -> str:
    if database_url is None:
        return f"PLYR_DATA_DIR={shlex.quote(str(data_dir))} plyr-appview migrate"
    return "plyr-appview migrate (with the same PLYR_DATABASE_URL)"


async def check_server(connection: Connection) -> None:
    """Raise UnsuitableServer unless the schema can be built and served there."""
    version = await connection.fetchval("select current_setting('server_version_num')::int")
    if version < OLDEST_SERVER:
        name = await connection.fetchval("select current_setting('server_version')")
        raise UnsuitableServer(f"the database server is Postgres {name}; 15 or newer is needed")
    encoding = await connection.fetchval("select current_setting('server_encoding')")
    if encoding != "UTF8":
        raise UnsuitableServer(
            f"the database's encoding is {encoding}, UTF8 is needed: create it with "
            "createdb --encoding=UTF8 --template=template0"
        )
    for name, function in EXTENSIONS.items():
        await _check_extension(connection, name, function)
    if await _ignores_foreign_letters(connection):
        log.warning(
            "the search will ignore letters other than a to z: the database's LC_CTYPE is C; "
            "createdb --lc-ctype=C.UTF-8 --template=template0 makes one that does not"
        )


async def _check_extension(connection: Connection, name: str, function: str) -> None:
    row = await connection.fetchrow(
        """
        select
            available.installed_version is not null as installed,
            to_regprocedure($2) is not null as visible,
            role.rolsuper
                or version.trusted and has_database_privilege(current_database(), 'create')
                as creatable,
            current_database() as database
        from pg_available_extensions as available
        join pg_available_extension_versions as version
            on version.name = available.name and version.version = available.default_version
        join pg_roles as role on role.rolname = current_user
        where available.name = $1
        """,
        name,
        function,
    )
    if row is None:
        raise UnsuitableServer(
            f"the extension {name} is not available on the database server: install its "
            "contrib package (Debian: postgresql-contrib, Fedora and Alpine likewise)"
        )
    if not row["installed"] and not row["creatable"]:
        raise UnsuitableServer(
            f"this user may not create the extension {name}; let a superuser run: "
            f"psql -d {shlex.quote(row['database'])} -c 'create extension {name}'"
        )
    if row["installed"] and not row["visible"]:
        raise UnsuitableServer(
            f"the extension {name} is installed in a schema outside of search_path; let a "
            f"superuser run: psql -d {shlex.quote(row['database'])} "
            f"-c 'alter extension {name} set schema public'"
        )


async def _ignores_foreign_letters(connection: Connection) -> bool:
    locale: str = await connection.fetchval(
        "select datctype from pg_database where datname = current_database()"
    )
    return locale in {"C", "POSIX"}


async def _check(url: str, command: str, *, migrate: bool) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=30, command_timeout=COMMAND_TIMEOUT_SECONDS)
    except (*DATABASE_ERRORS, ValueError) as error:
        raise UnsuitableServer(
            f"no connection to the database at {_place(url)}: {error}"
        ) from error
    try:
        await check_server(connection)
        if migrate:
            await runner.migrate(url)
        await runner.check_version(connection, runner.known_revisions(), command)
    finally:
        await connection.close()


def _place(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'a local socket'}{parts.path}"
