"""The way of an event, where two things happen at once."""

import asyncio

from migrations.database import Pool
from tests.indexer.scene import Scene, untold


async def test_an_event_that_comes_while_the_idle_cursor_waits_is_neither_lost_nor_passed(
    scene: Scene,
) -> None:
    pipeline = scene.pipeline
    pipeline.host = "relay.test"
    first, second = await untold(scene.alice, "Second"), await untold(scene.alice, "Third")
    pipeline.offer(first.frame(1))
    await pipeline.step()
    stranger = await scene.world.person("bob", greeted=False)
    pipeline.offer(stranger.repo.commit().frame(2))
    async with pipeline.desk:
        idle = asyncio.create_task(pipeline.write_cursor())
        await asyncio.sleep(0)
        pipeline.offer(second.frame(3))
    await idle
    assert await cursor(pipeline.writer.pool) < 3
    await pipeline.step()
    assert await cursor(pipeline.writer.pool) == 3
    assert await scene.tracks() == {"First", "Second", "Third"}


async def test_a_knock_is_heard_when_what_it_is_about_is_committed(scene: Scene) -> None:
    """Earlier, the woken one would find nothing in the tables and sleep on."""
    pipeline = scene.pipeline
    newcomer = await scene.world.person("bob")
    commit = await untold(newcomer, "A newcomer's")
    pipeline.wakes.accounts.clear()
    due = "select count(*) from account where did = $1 and identity_due_at <= now()"
    async with pipeline.desk:
        pipeline.offer(commit.frame(1))
        working = asyncio.create_task(pipeline.step())
        await asyncio.sleep(0.2)
        assert not pipeline.wakes.accounts.is_set()
    await asyncio.wait_for(pipeline.wakes.accounts.wait(), 10)
    assert await pipeline.writer.pool.fetchval(due, newcomer.did) == 1
    await working


async def cursor(pool: Pool) -> int:
    seq: int = await pool.fetchval("select seq from relay_cursor where host = 'relay.test'")
    return seq
