"""backup and restore-backup: what was decided here outlives the database."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import click
import orjson
import pytest

from appview.commands import backup as backups
from appview.config import Config
from indexer import moderation
from indexer.moderation import Decision, Subject
from migrations.database import Pool, create_pool
from tests.commands.decisions import Json, config, decide, decided
from tests.databases import new_database
from tests.indexer.changes import (
    ALICE,
    BOB,
    SOME_CID,
    TYPES,
    change,
    index,
    like,
    track,
)


@pytest.fixture
async def elsewhere(postgres_url: str, template: str, tmp_path: Path) -> AsyncIterator[Config]:
    async with new_database(postgres_url, template) as url:
        yield config(url, tmp_path)


def lines_of(file: Path) -> list[Json]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_backup_is_lines_of_json_that_only_its_owner_reads(
    pool: Pool, here: Config, tmp_path: Path
) -> None:
    await decide(pool)
    file = tmp_path / "backup.jsonl"
    await backups.backup(here, file)
    header, *rows, end = lines_of(file)
    assert (header["format"], header["version"]) == ("plyr-appview local", 1)
    assert [row["table"] for row in rows] == ["takedown"] * 3 + ["action"] * 5
    assert rows[0]["row"]["subject"] == f"at://{BOB}/fm.plyr.like/{rows[0]['row']['subject'][-13:]}"
    assert end == {"rows": {"takedown": 3, "action": 5}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["backup.jsonl"]


async def test_a_backup_brings_back_what_was_decided_and_takes_effect(
    pool: Pool, here: Config, elsewhere: Config, tmp_path: Path
) -> None:
    await decide(pool)
    await backups.backup(here, tmp_path / "backup")
    assert elsewhere.database_url is not None
    async with create_pool(elsewhere.database_url) as other:
        await index(other, change(track(), did=ALICE), change(like(), did=BOB))
        await backups.restore_backup(elsewhere, tmp_path / "backup")
        assert await decided(other) == await decided(pool)
        assert await other.fetchval("select count(*) from link where counted") == 0
        shown = await other.fetch("select did, hidden_parts from shown_account")
        assert [tuple(row) for row in shown] == [(BOB, [SOME_CID])]
        await moderation.restore(other, TYPES, Decision(Subject(ALICE), "me"))
        assert len((await decided(other))[1]) == 6


async def test_every_table_of_local_is_in_the_backup_and_every_column_comes_back(
    pool: Pool,
) -> None:
    columns = await pool.fetch(
        """
        select table_name, column_name
        from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where table_schema = 'local' and table_type = 'BASE TABLE'
        """
    )
    written = {table.name: table.write for table in backups.LOCAL_TABLES}
    assert set(written) == {table for table, _ in columns}
    forgotten = {
        (table, column)
        for table, column in columns
        if f"{column}," not in f"{written[table]}," and f" {column}\n" not in written[table]
    }
    # What follows a label goes with the labels.
    assert forgotten == {("action", "id"), ("takedown", "labeler")}


async def test_a_backup_that_fails_leaves_the_one_before_it(
    pool: Pool, here: Config, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    file.write_text("the one before")
    await pool.execute("alter table local.action rename to elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await backups.backup(here, file)
    assert file.read_text() == "the one before"
    assert names_in(tmp_path) == ["backup"]


async def test_a_backup_that_cannot_be_written_is_said(here: Config, tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="No such file or directory"):
        await backups.backup(here, tmp_path / "missing" / "backup")


async def test_what_was_decided_is_never_overwritten(
    pool: Pool, here: Config, tmp_path: Path
) -> None:
    await decide(pool)
    await backups.backup(here, tmp_path / "backup")
    before = await decided(pool)
    with pytest.raises(click.ClickException, match=r"local\.takedown has rows"):
        await backups.restore_backup(here, tmp_path / "backup")
    await pool.execute("delete from local.takedown")
    with pytest.raises(click.ClickException, match=r"local\.action has rows"):
        await backups.restore_backup(here, tmp_path / "backup")
    assert (await decided(pool))[1] == before[1]


async def test_a_backup_that_is_cut_off_anywhere_is_refused_whole(
    pool: Pool, here: Config, elsewhere: Config, tmp_path: Path
) -> None:
    await decide(pool)
    await backups.backup(here, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    ends = [position for position, byte in enumerate(whole) if byte == ord("\n")]
    assert elsewhere.database_url is not None
    async with create_pool(elsewhere.database_url) as other:
        for end in [0, *[each + 1 for each in ends[:-1]], *[each - 3 for each in ends]]:
            (tmp_path / "cut").write_bytes(whole[:end])
            with pytest.raises(backups.BadBackup):
                await backups.restore_backup(elsewhere, tmp_path / "cut")
            assert await decided(other) == ([], [])


HEADER = {"format": "plyr-appview local", "version": 1, "revision": "0001_index"}
TAKEDOWN = {"subject": ALICE, "created_at": "2026-01-01T00:00:00Z"}
END = {"rows": {"takedown": 1, "action": 0}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{}], "no backup of ours"),
        ([["x"]], "no JSON object"),
        ([HEADER | {"version": 2}], "a newer plyr-appview wrote it"),
        ([HEADER | {"revision": "9999_future"}], "a newer plyr-appview wrote it"),
        ([HEADER, {"table": "unheard of", "row": {}}], "no row of a table that is known"),
        ([HEADER, {"table": "takedown", "row": {}}], "2: null value"),
        ([HEADER, {"table": "takedown"}], "no row of a table that is known"),
        ([HEADER, {"table": "takedown", "row": [1]}], "no row of a table that is known"),
        ([HEADER, {"table": "takedown", "row": TAKEDOWN | {"created_at": "soon"}}], "2: invalid"),
        ([HEADER, *[{"table": "takedown", "row": TAKEDOWN}] * 2, END], "3: duplicate key"),
        ([HEADER, END], "it should hold"),
        ([HEADER, {"table": "takedown", "row": TAKEDOWN}, END, END], "goes on behind its end"),
    ],
)
async def test_what_is_wrong_with_a_backup_is_said_with_its_line(
    pool: Pool, here: Config, tmp_path: Path, lines: list[Any], message: str
) -> None:
    file = tmp_path / "backup"
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    with pytest.raises(backups.BadBackup) as refused:
        await backups.restore_backup(here, file)
    assert refused.value.message.startswith(f"{file}:")
    assert message in refused.value.message
    assert await decided(pool) == ([], [])
