"""rebuild: what was decided here outlives the index."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import pytest

from appview.commands import rebuild as rebuilds
from appview.config import Config
from indexer.leadership import LEADER_LOCK
from migrations.database import Pool
from tests.commands.decisions import decide, decided
from tests.commands.terminal import command
from tests.indexer.changes import (
    BOB,
    CAROL,
    SOME_CID,
    TRACK_URI,
    change,
    comment,
    dump,
    index,
    like,
    listing,
    new_writer,
    profile,
    track,
)
from tests.network.makers import track as a_track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.support import wait_until


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
    await rebuilds.rebuild(here, confirmed=True)
    assert not any((await dump(pool)).values())
    assert await decided(pool) == before


async def test_after_a_rebuild_takedowns_hold_from_the_first_row_on(
    pool: Pool, here: Config
) -> None:
    await fill(pool)
    await decide(pool)
    await rebuilds.rebuild(here, confirmed=True)
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
            await rebuilds.rebuild(here, confirmed=True)
        await leader.execute("select pg_advisory_unlock($1)", LEADER_LOCK)
    assert await dump(pool) == before


async def test_readers_that_cross_a_rebuild_are_let_pass(pool: Pool, here: Config) -> None:
    await fill(pool)
    async with pool.acquire() as reader, reader.transaction():
        await reader.execute("set local deadlock_timeout = '20s'")
        await reader.execute("select from track")
        rebuilding = asyncio.create_task(rebuilds.rebuild(here, confirmed=True))
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
