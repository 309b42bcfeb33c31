"""The whole index held against the network after all that shakes it: nothing may differ."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migrations import embedded, runner
from migrations.folder import Folder
from tests.migrations.processes import postmaster
from tests.network import http
from tests.network.audits import audit, nothing_differs
from tests.network.crowd import Crowd
from tests.network.makers import bsky_profile, like, post, track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.network.world import World
from tests.support import wait_until

KILLS = 10
GET_BLOCKS = "com.atproto.sync.getBlocks"


async def test_nothing_differs_after_a_backfill_from_nothing_and_what_is_planted_is_found(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    for _ in range(2):
        await world.another_pds()
    world.pdses[1].faults.on(GET_BLOCKS, http.status(501, error="MethodNotImplemented"))
    stage = Stage(world, lonely_program, await world.person("witness"))
    story = Story(stage)
    crowd = await Crowd.gather(story, 30)
    await crowd.writes(200)
    crowd.songs[0] = await crowd.people[0].update(crowd.songs[0], track("Of old"))
    await crowd.people[1].write({**track(), "title": 7}, valid=False)
    await crowd.people[2].write(bsky_profile("Dave"))
    await crowd.people[3].become("deactivated")
    await crowd.people[4].rotate_key("p256")
    await crowd.people[4].write(track("With a new key"))
    await (await story.person("of the web", web=True)).write(like(crowd.songs[0]))
    await (await world.person("bystander")).write(post())
    world.relay.forget_window()
    await Stage.start(world, lonely_program)
    await nothing_differs(story)
    altered, erased, untouched = crowd.songs[5:8]
    await lonely_program.rows("update track set title = 'Other' where uri = $1", altered.uri)
    await lonely_program.rows("delete from record where rkey = $1", erased.rkey)
    ended = await audit(story)
    assert ended.status == 1
    assert altered.uri in ended.out
    assert erased.uri in ended.out
    assert untouched.uri not in ended.out


async def test_nothing_differs_after_ten_kills_during_writes(story: Story) -> None:
    chance = random.Random(10)
    relay = story.world.relay
    crowd = await Crowd.gather(story, 8)
    cursors = []
    async with crowd.writing():
        for number in range(KILLS):
            connections = len(relay.cursors_asked)
            if number % 2:
                await story.program.reaches((relay.cursors_asked[-1] or 0) + 1, 20)
            await asyncio.sleep(chance.uniform(0, 0.5))
            await story.program.kill()
            await story.program.start(ready=False)
            await wait_until(lambda: len(relay.cursors_asked) > connections, 20)  # noqa: B023
            cursors.append(relay.cursors_asked[-1])
    assert len(set(cursors)) >= KILLS / 2, "it was not at work when it was killed"
    await wait_until(story.program.is_ready)
    await nothing_differs(story)


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[tuple[Folder, str]]:
    """As it is shipped: what is committed survives its end."""
    folder = Folder(tmp_path / "postgres")
    async with embedded.running(folder.path) as url:
        await runner.migrate(url)
        yield folder, url


async def test_nothing_differs_after_postgres_was_restarted_and_after_it_crashed(
    own_postgres: tuple[Folder, str], tmp_path: Path
) -> None:
    folder, url = own_postgres
    async with World.open() as world, Program(world, url, tmp_path / "program") as program:
        story = Story(await Stage.start(world, program))
        crowd = await Crowd.gather(story, 8)
        await story.holds()
        async with crowd.writing():
            for stop in (signal.SIGINT, signal.SIGQUIT):
                before = postmaster(folder)
                os.kill(before, stop)
                await wait_until(lambda: is_another(folder, before))  # noqa: B023
                await story.stage.passes(30)
        assert program.is_running
        await nothing_differs(story)


def is_another(folder: Folder, pid: int) -> bool:
    try:
        return postmaster(folder) != pid
    except (FileNotFoundError, IndexError):
        return False


async def hears_nothing_of_this(crowd: Crowd, story: Story) -> None:
    """What can happen to people while nobody listens, and is in no window afterwards."""
    world, (moved, renamed, rekeyed, left, *_) = story.world, crowd.people
    await crowd.writes(60)
    await moved.move_to(await world.another_pds())
    await renamed.rename(f"new-{renamed.handle}")
    await rekeyed.rotate_key("p256")
    await left.become("deactivated")
    newcomer = await story.person("newcomer")
    await newcomer.write(like(crowd.songs[4]))


async def gap_closed(story: Story, reason: str) -> bool:
    gaps = (await story.program.status())["gaps"]
    return any(reason in gap["reason"] and "closedAt" in gap for gap in gaps)


@pytest.mark.parametrize("reason", ["OutdatedCursor", "PLYR_REPLAY_MAX_MINUTES"])
async def test_nothing_differs_after_a_recorded_gap(story: Story, reason: str) -> None:
    crowd = await Crowd.gather(story, 8)
    await story.holds()
    await story.program.kill()
    await hears_nothing_of_this(crowd, story)
    if reason == "OutdatedCursor":
        story.world.relay.forget_window()
        await story.stage.witness.write(track("Still in the window"))
    else:
        await story.program.rows(
            "update relay_cursor set received_at = now() - interval '1 day', listened_at = null"
        )
    await story.program.start()
    async with crowd.writing():
        await wait_until(lambda: gap_closed(story, reason), 20)
    await nothing_differs(story)


async def test_nothing_differs_after_a_storm_of_resyncs(story: Story) -> None:
    world = story.world
    slow, busy = await world.another_pds(), await world.another_pds()
    crowd = await Crowd.gather(story, 20)
    await story.holds()
    walked = await story.program.metric("plyr_resyncs_total")
    slow.faults.on(GET_BLOCKS, http.slow(0.2), times=10)
    busy.faults.on(GET_BLOCKS, http.status(429, {"Retry-After": "1"}), times=2)
    async with crowd.writing():
        for _ in range(2):
            with world.relay.losing():
                await crowd.writes(60)
            for person in crowd.people:
                await person.sync()
            await crowd.writes(20)
    await nothing_differs(story)
    assert await story.program.metric("plyr_resyncs_total") - walked >= len(crowd.people)
