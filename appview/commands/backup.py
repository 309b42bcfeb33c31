"""backup and restore-backup: what cannot be fetched again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import click
import orjson

from appview.config import Config
from indexer import moderation
from indexer.moderation import SUBJECTS_AT_ONCE, Subject
from indexer.records.registry import record_types
from indexer.rows import begin
from migrations.database import open_database
from migrations.runner import Connection, known_revisions

FORMAT = "plyr-appview local"
VERSION = 1
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LocalTable:
    """How its rows are read, as JSON, and each is written back."""

    name: str
    read: str
    write: str


# Every table of the schema `local`. An action's id is its place in the order, nothing more.
LOCAL_TABLES = (
    LocalTable(
        "takedown",
        "select to_jsonb(takedown) from local.takedown where labeler = '' order by subject",
        """
        insert into local.takedown (subject, reason, created_at)
        select subject, reason, created_at
        from jsonb_populate_record(null::local.takedown, $1::jsonb)
        """,
    ),
    LocalTable(
        "action",
        "select to_jsonb(action) from local.action order by id",
        """
        insert into local.action (at, actor, act, subject, reason)
        select at, actor, act, subject, reason
        from jsonb_populate_record(null::local.action, $1::jsonb)
        """,
    ),
)


class BadBackup(click.ClickException):
    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")


# backup ---------------------------------------------------------------------------------------


async def backup(config: Config, file: Path) -> None:
    async with (
        open_database(config.database_url, config.data_dir, max_size=1) as database,
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        try:
            with _replacing(file) as output:
                counts = await _read_all(connection, output)
        except ConnectionError:
            raise
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from error
    click.echo(f"{_sum(counts)} in {file}")


async def _read_all(connection: Connection, output: BinaryIO) -> dict[str, int]:
    output.write(orjson.dumps(_header(), option=orjson.OPT_APPEND_NEWLINE))
    counts = {table.name: await _read(connection, table, output) for table in LOCAL_TABLES}
    output.write(orjson.dumps({"rows": counts}, option=orjson.OPT_APPEND_NEWLINE))
    return counts


def _header() -> dict[str, object]:
    revision = known_revisions()[-1]
    return {"format": FORMAT, "version": VERSION, "revision": revision, "at": datetime.now(UTC)}


async def _read(connection: Connection, table: LocalTable, output: BinaryIO) -> int:
    count = 0
    async for row in connection.cursor(table.read, prefetch=ROWS_AT_ONCE):
        line = {"table": table.name, "row": orjson.Fragment(row[0])}
        output.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count


def _sum(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in counts.items())


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Readable by its owner alone, and in its place only when it is whole and on the disk."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


# restore-backup -------------------------------------------------------------------------------


async def restore_backup(config: Config, file: Path) -> None:
    """All of it or nothing, into a database in which nothing was decided yet."""
    is_embedded = config.database_url is None
    async with (
        open_database(
            config.database_url, config.data_dir, max_size=1, migrate=is_embedded
        ) as database,
        database.pool.acquire() as connection,
        connection.transaction(),
    ):
        await begin(connection)
        for table in LOCAL_TABLES:
            if await connection.fetchrow(table.read) is not None:
                raise click.ClickException(
                    f"local.{table.name} has rows: a backup goes into a database without any"
                )
        with file.open("rb") as lines:
            counts = await _write_all(connection, lines)
        await _follow(connection, config.namespace)
    click.echo(f"{_sum(counts)} from {file}")


async def _write_all(connection: Connection, lines: BinaryIO) -> dict[str, int]:
    tables = {table.name: table for table in LOCAL_TABLES}
    counts = dict.fromkeys(tables, 0)
    entries = _entries(lines)
    _check_header(*next(entries, (lines.name, {})))
    for place, entry in entries:
        if "rows" in entry:
            if entry["rows"] != counts:
                raise BadBackup(place, f"it should hold {entry['rows']}, not {counts}")
            if next(entries, None) is not None:
                raise BadBackup(place, "it goes on behind its end")
            return counts
        table, row = tables.get(str(entry.get("table"))), entry.get("row")
        if table is None or not isinstance(row, dict):
            raise BadBackup(place, f"no row of a table that is known: {str(entry)[:100]}")
        await _write(connection, place, table, row)
        counts[table.name] += 1
    raise BadBackup(lines.name, "it is cut off")


def _entries(lines: BinaryIO) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        place = f"{lines.name}:{number}"
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadBackup(place, f"no JSON: {error}") from error
        if not isinstance(entry, dict):
            raise BadBackup(place, f"no JSON object: {str(entry)[:100]}")
        yield place, entry


def _check_header(place: str, header: dict[str, Any]) -> None:
    if header.get("format") != FORMAT:
        raise BadBackup(place, "this is no backup of ours")
    if header.get("version") != VERSION or header.get("revision") not in known_revisions():
        raise BadBackup(
            place,
            f"version {header.get('version')} of database {header.get('revision')} is not known: "
            "a newer plyr-appview wrote it",
        )


async def _write(
    connection: Connection, place: str, table: LocalTable, row: dict[str, Any]
) -> None:
    try:
        await connection.execute(table.write, orjson.dumps(row).decode())
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise BadBackup(place, str(error)) from error


async def _follow(connection: Connection, namespace: str) -> None:
    rows = await connection.fetch("select subject from local.takedown")
    subjects = [Subject(row["subject"]) for row in rows]
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        chunk = subjects[start : start + SUBJECTS_AT_ONCE]
        await moderation.follow(connection, record_types(namespace), chunk)
