"""R42: what the program is busy with costs it neither the relay nor its place as the only one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.network import http
from tests.network.crowd import Crowd
from tests.network.makers import like, track
from tests.network.program import Program
from tests.network.repo import Write
from tests.network.story import Stage, Story
from tests.support import wait_until

KEEPALIVE_SECONDS = 1.0
"""A relay of the network asks every half minute; this one has no patience."""
MANY = 4_000


async def test_R42_heavy_work_costs_no_connection(lonely_program: Program) -> None:
    world = lonely_program.world
    await world.relay.close()
    world.relay.keepalive_seconds = KEEPALIVE_SECONDS
    await world.relay.open()
    story = Story(await Stage.start(world, lonely_program))
    alice, song = await story.known()
    connections = len(world.relay.cursors_asked)
    alice.pds.faults.on("com.atproto.sync.getBlocks", http.status(501, error="NotHere"))
    with world.relay.losing():
        await alice.commit([alice.creating(like(song)) for _ in range(MANY)])
    await alice.sync()
    bob = await story.person("bob")
    for _ in range(3):
        await bob.commit([bob.creating(like(song)) for _ in range(150)])
    await bob.commit([Write("delete", path) for path in sorted(bob.ever)[:150]])
    await bob.write(track("After all that"))
    await asyncio.gather(*(story.query("feed.getLatest", limit=100) for _ in range(50)))
    await story.holds(timeout_seconds=30)
    assert len(world.relay.cursors_asked) == connections


@pytest.fixture
async def second_program(lonely_program: Program, tmp_path: Path) -> AsyncIterator[Program]:
    """Another one on the same database, not started yet."""
    program = Program(lonely_program.world, lonely_program.database_url, tmp_path / "second")
    try:
        yield program
    finally:
        if program.is_running:
            await program.terminate()


async def test_R42_a_second_indexer_stands_by_and_takes_over_from_the_cursor(
    lonely_program: Program, second_program: Program
) -> None:
    world = lonely_program.world
    stage = await Stage.start(world, lonely_program)
    await second_program.start()
    story = Story(Stage(world, second_program, stage.witness))
    crowd = await Crowd.gather(story, 4)
    await story.holds()
    assert len(world.relay.cursors_asked) == 1, "both listen"
    async with crowd.writing():
        await lonely_program.kill()
        await wait_until(lambda: len(world.relay.cursors_asked) == 2)
    assert world.relay.cursors_asked[1] is not None
    await story.holds()
