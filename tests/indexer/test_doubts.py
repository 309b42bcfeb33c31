"""How often a refused frame makes somebody look, whoever sent how many."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from indexer.doubts import AT_MOST, LOOK_AFTER_SECONDS, REST_SECONDS, Doubts
from indexer.repo_state import State
from indexer.service import build_pipeline
from lexicons.syntax import Did, parse_did
from tests.indexer.scene import LATEST_COMMIT, Scene, untold
from tests.network.http import held, status
from tests.network.makers import track
from tests.support import wait_until

ALICE = Did("did:plc:alice")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_repo_is_looked_into_once_an_hour() -> None:
    doubts = Doubts(clock := Clock())
    looks = []
    for clock.now in range(0, 3 * 3600, 10):
        doubts.note(ALICE)
        for did in doubts.due(()):
            doubts.begin_look(did)
            looks.append(clock.now)
    assert looks == [LOOK_AFTER_SECONDS, *(LOOK_AFTER_SECONDS + REST_SECONDS * n for n in (1, 2))]


def test_what_is_refused_while_somebody_looks_is_looked_into_later() -> None:
    doubts = Doubts(clock := Clock())
    doubts.note(ALICE)
    clock.now = LOOK_AFTER_SECONDS
    doubts.begin_look(ALICE)
    doubts.note(ALICE)
    clock.now += REST_SECONDS - 1
    assert doubts.due(()) == []
    clock.now += 1
    assert doubts.due(()) == [ALICE]


def test_doubts_have_a_bound_and_make_room_again() -> None:
    doubts = Doubts(clock := Clock())
    everybody = [Did(f"did:plc:{number}") for number in range(AT_MOST + 5)]
    for hour in range(3):
        clock.now = hour * 2 * REST_SECONDS
        for did in everybody:
            doubts.note(did)
        clock.now += LOOK_AFTER_SECONDS
        assert len(doubts.due(())) == AT_MOST
        for did in doubts.due(()):
            doubts.begin_look(did)
        doubts.note(everybody[-1])
        clock.now += LOOK_AFTER_SECONDS
        assert doubts.due(()) == []


async def refuse(scene: Scene, title: str, seq: int) -> None:
    """A commit that happened comes in a frame that cannot be proven."""
    scene.pipeline.offer((await untold(scene.alice, title)).saying(blocks=b"no CAR").frame(seq))
    await scene.pipeline.step()


async def doubted(scene: Scene) -> list[str]:
    rows = await scene.tools.pool.fetch("select did from repo where doubted_at is not null")
    return [row["did"] for row in rows]


@pytest.mark.parametrize(("blocks", "then"), [(b"no CAR", "step"), ("no bytes", "write_cursor")])
async def test_a_doubt_outlives_a_restart(scene: Scene, blocks: bytes | str, then: str) -> None:
    """Whether it was refused when it was proven or already when it was read."""
    did = parse_did(scene.alice.did)
    scene.pipeline.host = "relay.test"
    scene.pipeline.offer((await untold(scene.alice, "Hidden")).saying(blocks=blocks).frame(7))
    await getattr(scene.pipeline, then)()
    assert await scene.tools.pool.fetchval("select seq from relay_cursor") == 7

    scene.pipeline = await build_pipeline(scene.tools, "fm.plyr", host=None)
    scene.resync.pipeline = scene.pipeline
    doubts = scene.pipeline.doubts
    assert doubts.due(()) == []
    doubts.clock = lambda: time.monotonic() + LOOK_AFTER_SECONDS
    assert doubts.due(()) == [did]
    await scene.watch(timedelta()).look_into(did)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Hidden"}
    assert await doubted(scene) == []


async def test_a_doubt_that_comes_while_somebody_looks_stays_written_down(scene: Scene) -> None:
    did = parse_did(scene.alice.did)
    await refuse(scene, "Hidden", 1)
    scene.alice.pds.faults.on(LATEST_COMMIT, held(until := asyncio.Event()))
    looking = asyncio.create_task(scene.watch(timedelta()).look_into(did))
    await wait_until(lambda: scene.alice.times_asked(LATEST_COMMIT))
    await refuse(scene, "Hidden as well", 2)
    until.set()
    await looking
    assert await doubted(scene) == [did]


async def test_frames_that_are_refused_again_and_again_are_written_down_once(scene: Scene) -> None:
    await refuse(scene, "Hidden", 1)
    version = "select xmin::text from repo"
    before = await scene.tools.pool.fetchval(version)
    await refuse(scene, "Hidden as well", 2)
    assert await scene.tools.pool.fetchval(version) == before


async def test_a_host_that_cannot_be_asked_is_asked_an_hour_later(scene: Scene) -> None:
    doubts, did = Doubts(clock := Clock()), parse_did(scene.alice.did)
    scene.pipeline.doubts = doubts
    await scene.alice.write(track("Hidden"))
    scene.alice.pds.faults.on(LATEST_COMMIT, status(503), times=1)
    watch = scene.watch(timedelta())
    for wait, titles in ((LOOK_AFTER_SECONDS, {"First"}), (REST_SECONDS, {"First", "Hidden"})):
        doubts.note(did)
        assert doubts.due(()) == []
        clock.now += wait
        assert doubts.due(()) == [did]
        await watch.look_into(did)
        await scene.walk_what_is_due()
        assert await scene.tracks() == titles


@pytest.mark.parametrize(
    ("state", "again"), [(State.RESYNCING, 1), (State.WAITING, 1), (State.DESYNCHRONIZED, 0)]
)
async def test_who_is_being_walked_or_waits_is_looked_into_after_that(
    scene: Scene, state: State, again: int
) -> None:
    doubts, did = Doubts(clock := Clock()), parse_did(scene.alice.did)
    scene.pipeline.doubts = doubts
    scene.pipeline.repos[did] = replace(scene.pipeline.repos[did], state=state)
    doubts.note(did)
    clock.now = LOOK_AFTER_SECONDS
    await scene.watch(timedelta()).look_into(did)
    assert scene.alice.times_asked(LATEST_COMMIT) == 0
    assert doubts.due(()) == []
    clock.now += LOOK_AFTER_SECONDS
    assert len(doubts.due(())) == again
