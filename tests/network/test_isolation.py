"""R42: what the program is busy with does not cost it the relay."""

from __future__ import annotations

import asyncio

from tests.network import http
from tests.network.makers import like, track
from tests.network.program import Program
from tests.network.repo import Write
from tests.network.story import Stage, Story

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
