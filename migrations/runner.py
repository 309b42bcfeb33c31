"""Bring a database to the newest revision, and say which one it has.

A revision is a pair in versions/: NNNN_name.sql with plain SQL and NNNN_name.py that names its
predecessor. Alembic orders them and keeps alembic_version; asyncpg alone talks to the database.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from migrations.errors import WrongVersion

if TYPE_CHECKING:
    from alembic.config import Config

# Text, since asyncpg's classes take no parameters at run time.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

FOLDER = Path(__file__).parent
LOCK = 0x706C7972
"""Advisory lock of whoever migrates: "plyr"."""

log = structlog.get_logger(__name__)


def known_revisions() -> tuple[str, ...]:
    """Oldest first; read from the file names, since importing alembic takes half a second."""
    return tuple(sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.sql")))


async def current_revision(connection: Connection) -> str | None:
    """None: the database is empty."""
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("select version_num from alembic_version")
    return revision


async def check_version(connection: Connection, known: Sequence[str], command: str) -> None:
    """The command is the one to name when the schema is too old."""
    current = await current_revision(connection)
    _refuse_unknown(current, known)
    if current != known[-1]:
        raise WrongVersion(
            f"the database is {f'at version {current}' if current else 'empty'}, this program "
            f"needs version {known[-1]}. Run: {command}"
        )


async def migrate(url: str) -> list[str]:
    """Apply what is missing, all or nothing; the answer names it, oldest first."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
            current = await current_revision(connection)
            known = known_revisions()
            _refuse_unknown(current, known)
            if current == known[-1]:
                return []
            pending, script = _render(current)
            await connection.execute(script)
    finally:
        await connection.close()
    log.info("database migrated", revisions=pending)
    return pending


def _refuse_unknown(current: str | None, known: Sequence[str]) -> None:
    if current is not None and current not in known:
        raise WrongVersion(
            f"the database is at version {current}, which this program (up to {known[-1]}) does "
            "not know: a newer plyr-appview migrated it. Start that one."
        )


def emit_sql(revision_file: str) -> None:
    """Render the .sql beside a revision as it is (op.execute would look for :parameters)."""
    from alembic import op  # noqa: PLC0415

    op.get_context().impl.static_output(Path(revision_file).with_suffix(".sql").read_text("utf-8"))


def _render(current: str | None) -> tuple[list[str], str]:
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    text = io.StringIO()
    config = _config(text)
    revisions = ScriptDirectory.from_config(config).iterate_revisions("head", current or "base")
    command.upgrade(config, f"{current}:head" if current else "head", sql=True)
    return [revision.revision for revision in revisions][::-1], text.getvalue()


def _config(output: io.StringIO) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
