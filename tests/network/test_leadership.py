"""Two indexers on one database, of which one falls asleep in the middle of its work."""

from __future__ import annotations

import os
import signal

import asyncpg

from indexer.leadership import LEADER_LOCK
from tests.network.makers import track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.support import wait_until

STANDING_BY = "standing by"
# Whatever is written again has another xmin, were it the same values.
WRITTEN = """
select 'record', did, collection || '/' || rkey, xmin::text from record
union all
select 'repo', did, rev, xmin::text from repo
union all
select 'cursor', host, seq::text, xmin::text from relay_cursor
order by 1, 2, 3
"""


async def test_R42_an_indexer_that_slept_while_another_took_over_writes_nothing(
    lonely_program: Program,
) -> None:
    first, world = lonely_program, lonely_program.world
    second = Program(world, first.database_url, first.folder.with_name("second"), command="index")
    story = Story(await Stage.start(world, first))
    try:
        alice, _ = await story.known()
        await second.start()
        await wait_until(lambda: STANDING_BY in second.log_tail())
        os.kill(first.pid, signal.SIGSTOP)
        await lose_the_lock(first)
        await alice.write(track("While it slept"))
        await alice.write(track("And on"))
        await second.reaches(world.relay.seq, timeout_seconds=20)
        stands = await first.rows(WRITTEN)
        os.kill(first.pid, signal.SIGCONT)
        await wait_until(lambda: STANDING_BY in first.log_tail())
        assert await first.rows(WRITTEN) == stands
        await second.terminate()
        await story.holds()
    finally:
        os.kill(first.pid, signal.SIGCONT)
        if second.is_running:
            await second.terminate()


async def lose_the_lock(program: Program) -> None:
    """As when its machine is cut off: Postgres ends the session that holds it."""
    ended: list[asyncpg.Record] = await program.rows(
        "select pg_terminate_backend(pid) from pg_locks where objid::bigint = $1 and granted",
        LEADER_LOCK & 0xFFFFFFFF,
    )
    assert len(ended) == 1
