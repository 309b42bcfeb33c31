"""Who lost the lead writes nothing more, whether it knows or not."""

import asyncio
from dataclasses import replace

import pytest

from indexer import mending
from indexer.leadership import LEADER_LOCK, leadership
from indexer.rows import LostLeadership, begin
from indexer.steps import Cursor, Step
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.changes import NOW, change, index, new_writer, track
from tests.support import wait_until

STEP = Step(did=parse_did("did:plc:ewvi7nxzyoun6zhxrhs64oiz"))
CURSOR = Cursor("relay.test", 7, "2026-01-01T00:00:00Z", NOW)


async def test_a_leader_that_was_followed_by_another_can_write_nothing(pool: Pool) -> None:
    async with leadership(pool, asyncio.Event()) as first:
        assert first is not None
    async with leadership(pool, asyncio.Event()) as second:
        assert second is not None
        with pytest.raises(LostLeadership):
            await replace(new_writer(pool), epoch=first.epoch).write([STEP], CURSOR)
        assert await pool.fetchval("select count(*) from account") == 0
        assert await pool.fetchval("select count(*) from relay_cursor") == 0
        await replace(new_writer(pool), epoch=second.epoch).write([STEP], CURSOR)
    assert await pool.fetchval("select seq from relay_cursor") == 7


async def test_a_leader_that_was_followed_by_another_can_forget_nothing(pool: Pool) -> None:
    """What it forgot before a walk nobody would walk for: the walk was the new leader's."""
    song = change(track())
    await index(pool, song)
    stale = replace(new_writer(pool), epoch=0)
    with pytest.raises(LostLeadership):
        await mending.forget(stale, song.did, [(song.collection, song.rkey)])
    assert await pool.fetchval("select state from record") == "valid"


async def test_a_new_leader_begins_when_the_last_write_of_the_old_one_has_ended(
    pool: Pool,
) -> None:
    async with pool.acquire() as old:
        writing = old.transaction()
        await writing.start()
        await begin(old)
        async with asyncio.TaskGroup() as group:
            led = group.create_task(leads(pool))
            await wait_until(lambda: is_held(pool))
            assert not led.done()
            await writing.commit()
    assert await led


async def leads(pool: Pool) -> bool:
    async with leadership(pool, asyncio.Event()) as leader:
        return leader is not None


async def is_held(pool: Pool) -> bool:
    held = "select exists (select from pg_locks where objid = $1 and granted)"
    return bool(await pool.fetchval(held, LEADER_LOCK & 0xFFFFFFFF))


async def test_a_leader_that_gives_no_sign_of_life_is_followed_by_another(pool: Pool) -> None:
    async with leadership(pool, asyncio.Event()) as first:
        assert first is not None
        watching = asyncio.create_task(first.watch(silence_seconds=0.2))
        second = asyncio.create_task(leads(pool))
        with pytest.raises(LostLeadership):
            await watching
        assert await second
