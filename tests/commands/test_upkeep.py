"""backup, restore-backup and rebuild: what was decided here outlives the index."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import click
import orjson
import pytest

from appview.commands import upkeep
from appview.config import Config, from_env
from indexer import moderation
from indexer.leadership import LEADER_LOCK
from indexer.moderation import Decision, Subject
from migrations.database import Pool, create_pool
from tests.commands.terminal import command
from tests.conftest import new_database
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    SOME_CID,
    TRACK_URI,
    TYPES,
    change,
    comment,
    dump,
    index,
    like,
    listing,
    new_writer,
    profile,
    track,
    uri,
)
from tests.network.makers import track as a_track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.support import wait_until

Json = dict[str, Any]


def config(url: str, folder: Path) -> Config:
    return from_env({"PLYR_DATABASE_URL": url, "PLYR_DATA_DIR": str(folder)})


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Config:
    return config(database_url, tmp_path)


@pytest.fixture
async def elsewhere(postgres_url: str, template: str, tmp_path: Path) -> AsyncIterator[Config]:
    async with new_database(postgres_url, template) as url:
        yield config(url, tmp_path)


async def decide(pool: Pool) -> None:
    for subject in (ALICE, TRACK_URI, f"{BOB}/{SOME_CID}"):
        await moderation.take_down(pool, TYPES, Decision(Subject(subject), "me", 'ü "x"\n'))
    await moderation.restore(pool, TYPES, Decision(Subject(TRACK_URI), "you"))
    await moderation.take_down(pool, TYPES, Decision(Subject(uri(BOB, "like", 1)), "me"))


async def decided(pool: Pool) -> tuple[list[Json], list[Json]]:
    """All of `local`, without the ids."""
    takedowns = await pool.fetch("select * from local.takedown order by subject")
    actions = await pool.fetch("select * from local.action order by id")
    return [dict(row) for row in takedowns], [dict(row) | {"id": None} for row in actions]


def lines_of(file: Path) -> list[Json]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_backup_is_lines_of_json_that_only_its_owner_reads(
    pool: Pool, here: Config, tmp_path: Path
) -> None:
    await decide(pool)
    file = tmp_path / "backup.jsonl"
    await upkeep.backup(here, file)
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
    await upkeep.backup(here, tmp_path / "backup")
    assert elsewhere.database_url is not None
    async with create_pool(elsewhere.database_url) as other:
        await index(other, change(track(), did=ALICE), change(like(), did=BOB))
        await upkeep.restore_backup(elsewhere, tmp_path / "backup")
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
    written = {table.name: table.write for table in upkeep.LOCAL_TABLES}
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
        await upkeep.backup(here, file)
    assert file.read_text() == "the one before"
    assert names_in(tmp_path) == ["backup"]


async def test_a_backup_that_cannot_be_written_is_said(here: Config, tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="No such file or directory"):
        await upkeep.backup(here, tmp_path / "missing" / "backup")


async def test_what_was_decided_is_never_overwritten(
    pool: Pool, here: Config, tmp_path: Path
) -> None:
    await decide(pool)
    await upkeep.backup(here, tmp_path / "backup")
    before = await decided(pool)
    with pytest.raises(click.ClickException, match=r"local\.takedown has rows"):
        await upkeep.restore_backup(here, tmp_path / "backup")
    await pool.execute("delete from local.takedown")
    with pytest.raises(click.ClickException, match=r"local\.action has rows"):
        await upkeep.restore_backup(here, tmp_path / "backup")
    assert (await decided(pool))[1] == before[1]


async def test_a_backup_that_is_cut_off_anywhere_is_refused_whole(
    pool: Pool, here: Config, elsewhere: Config, tmp_path: Path
) -> None:
    await decide(pool)
    await upkeep.backup(here, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    ends = [position for position, byte in enumerate(whole) if byte == ord("\n")]
    assert elsewhere.database_url is not None
    async with create_pool(elsewhere.database_url) as other:
        for end in [0, *[each + 1 for each in ends[:-1]], *[each - 3 for each in ends]]:
            (tmp_path / "cut").write_bytes(whole[:end])
            with pytest.raises(upkeep.BadBackup):
                await upkeep.restore_backup(elsewhere, tmp_path / "cut")
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
    with pytest.raises(upkeep.BadBackup) as refused:
        await upkeep.restore_backup(here, file)
    assert refused.value.message.startswith(f"{file}:")
    assert message in refused.value.message
    assert await decided(pool) == ([], [])


async def fill(pool: Pool) -> None:
    """Something in every table of the index."""
    await index(
        pool,
        change(track(album="Shore", description="#tape")),
        change(like(), did=BOB),
        change(comment(), did=BOB),
        change(listing(TRACK_URI), did=BOB),
        change(profile(), did=BOB, key="self"),
        change({"$type": "app.bsky.actor.profile"}, did=BOB, key="self"),
    )
    await pool.execute(
        """
        insert into relay_cursor (host, seq) values ('relay', 1);
        insert into relay_gap (host, reason) values ('relay', 'x');
        insert into discovery (source, collection) values ('relay', 'x');
        insert into repo (did) values ('did:plc:alice');
        insert into repo_queue (did, seq, rev, frame, reason) values ('did', 1, 'r', '', 'x');
        insert into repo_request (did, in_full) values ('did:plc:alice', true);
        """
    )


async def test_a_rebuild_empties_the_index_and_nothing_else(pool: Pool, here: Config) -> None:
    await fill(pool)
    await decide(pool)
    assert all((await dump(pool)).values())
    before = await decided(pool)
    await upkeep.rebuild(here, confirmed=True)
    assert not any((await dump(pool)).values())
    assert await decided(pool) == before


async def test_after_a_rebuild_takedowns_hold_from_the_first_row_on(
    pool: Pool, here: Config
) -> None:
    await fill(pool)
    await decide(pool)
    await upkeep.rebuild(here, confirmed=True)
    await index(pool, change(track()), change(like(), did=BOB), change(like(), did=CAROL))
    shown = await pool.fetch("select did, hidden_parts from shown_account order by did")
    assert [tuple(row) for row in shown] == [(BOB, [SOME_CID]), (CAROL, None)]
    while await new_writer(pool).recount(10):
        pass
    assert await pool.fetchval("select likes from subject_count where subject = $1", TRACK_URI) == 1


async def test_a_rebuild_is_refused_while_an_indexer_is_at_work(pool: Pool, here: Config) -> None:
    await fill(pool)
    before = await dump(pool)
    async with pool.acquire() as leader:
        await leader.execute("select pg_advisory_lock($1)", LEADER_LOCK)
        with pytest.raises(click.ClickException, match="an indexer is at work"):
            await upkeep.rebuild(here, confirmed=True)
        await leader.execute("select pg_advisory_unlock($1)", LEADER_LOCK)
    assert await dump(pool) == before


async def test_readers_that_cross_a_rebuild_are_let_pass(pool: Pool, here: Config) -> None:
    await fill(pool)
    async with pool.acquire() as reader, reader.transaction():
        await reader.execute("set local deadlock_timeout = '20s'")
        await reader.execute("select from track")
        rebuilding = asyncio.create_task(upkeep.rebuild(here, confirmed=True))
        waiting = "select count(*) from pg_locks where relation = 'track'::regclass and not granted"
        await wait_until(lambda: pool.fetchval(waiting))
        assert await reader.fetchval("select count(*) from account") == 2
    await rebuilding
    assert not any((await dump(pool)).values())


async def test_a_rebuild_asks_first_and_a_running_indexer_refuses_it(
    lonely_program: Program, tmp_path: Path
) -> None:
    story = Story(await Stage.start(lonely_program.world, lonely_program))
    alice, song = await story.known()
    hidden = await alice.write(a_track("Hidden"))
    await story.passes()
    assert (await command(lonely_program, "takedown", hidden.uri)).status == 0
    refused = await command(lonely_program, "rebuild", "--yes")
    assert (refused.status, refused.out) == (1, "")
    assert "an indexer is at work" in refused.err
    file = str(tmp_path / "backup")
    assert (await command(lonely_program, "backup", file)).out.startswith("1 of takedown, 1 of ")
    await lonely_program.terminate()
    asked = await command(lonely_program, "rebuild")
    assert (asked.status, "Go on?" in asked.out) == (130, True)
    assert await lonely_program.rows("select from record")
    assert (await command(lonely_program, "rebuild", "--yes")).status == 0
    assert not await lonely_program.rows("select from record")
    await lonely_program.start()

    async def is_back() -> bool:
        return await story.is_shown(song.uri)

    await wait_until(is_back, 20)
    missing = (await story.query("feed.getTracks", uris=[hidden.uri])).body["missing"]
    assert missing == [{"uri": hidden.uri, "reason": "taken-down"}]
    assert (await command(lonely_program, "restore", hidden.uri)).status == 0
    await story.holds()
