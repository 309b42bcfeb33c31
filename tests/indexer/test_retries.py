"""What could not be fetched, or was dropped, is due again: later each time, and never forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from indexer.decisions import QUEUED_BYTES_PER_REPO
from indexer.draining import drain
from indexer.repo_state import State
from indexer.resync import FIRST_RETRY, LONGEST_RETRY, TRIES_OF_STRANGERS
from indexer.service import build_accounts, build_pipeline
from lexicons.syntax import Did, parse_did
from tests.indexer.scene import Scene, untold
from tests.network.encoding import Link, parse_link
from tests.network.http import rewritten, sections, status
from tests.network.makers import track
from tests.network.world import untold as untold_to_anyone
from xrpc.remote import Remote

GET_BLOCKS = "com.atproto.sync.getBlocks"
GET_REPO = "com.atproto.sync.getRepo"


async def call_for_a_walk(scene: Scene) -> Did:
    did = parse_did(scene.alice.did)
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    return did


async def due_in(scene: Scene) -> timedelta:
    due: timedelta = await scene.tools.pool.fetchval(
        "select due_at - now() from repo where did = $1", scene.alice.did
    )
    return due


def without(link: Link) -> Callable[[bytes], bytes]:
    """The CAR as of a host that has lost one block."""
    return lambda car: b"".join(one for one in sections(car) if link.raw not in one[:64])


async def test_case_64_a_record_that_does_not_come_is_waited_for(scene: Scene) -> None:
    alice, did = scene.alice, await call_for_a_walk(scene)
    await untold(alice, "Comes")
    lost = await alice.write(track("Is late"), told=untold_to_anyone)
    for method in (GET_BLOCKS, GET_REPO):  # which one, the heights of the keys decide
        alice.pds.faults.on(method, rewritten(without(parse_link(lost.cid))))
    await scene.walk_what_is_due()
    repo = scene.pipeline.repos[did]
    assert repo.state is State.DESYNCHRONIZED
    assert "did not come" in str(repo.reason)
    assert "First" in await scene.tracks()
    alice.pds.faults.clear()
    await scene.tools.pool.execute("update repo set due_at = now()")
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Comes", "Is late"}


async def test_case_61_a_host_that_goes_on_failing_is_asked_later_each_time(
    scene: Scene,
) -> None:
    alice = scene.alice
    await untold(alice, "Missed")
    did = await call_for_a_walk(scene)
    alice.pds.faults.on("*", status(500, error="Broken"))
    expected = FIRST_RETRY
    for _ in range(3):
        await scene.tools.pool.execute("update repo set due_at = now()")
        await scene.walk_what_is_due()
        assert scene.pipeline.repos[did].state is State.DESYNCHRONIZED
        assert expected - timedelta(seconds=5) < await due_in(scene) <= expected
        expected *= 2
    await scene.tools.pool.execute("update repo set due_at = now(), attempts = 1000")
    await scene.walk_what_is_due()
    assert LONGEST_RETRY - timedelta(seconds=5) < await due_in(scene) <= LONGEST_RETRY


async def test_case_60_a_host_says_itself_when_it_may_be_asked_again(scene: Scene) -> None:
    await untold(scene.alice, "Missed")
    await call_for_a_walk(scene)
    scene.alice.pds.faults.on("*", status(429, {"Retry-After": "300"}), times=1)
    await scene.walk_what_is_due()
    assert timedelta(seconds=290) < await due_in(scene) <= timedelta(seconds=300)


async def test_case_60_a_host_that_asks_for_peace_is_not_one_that_fails(scene: Scene) -> None:
    """However often: who is found there and was never walked is not given up for it."""
    pipeline, busy = scene.pipeline, await scene.world.another_pds()
    bob = await scene.world.person("bob", pds=busy)
    await untold(bob, "Of a busy host")
    busy.faults.on("*", status(429, {"Retry-After": "300"}))
    await pipeline.writer.write([pipeline.track(parse_did(bob.did), "discovered")], None)
    for _ in range(TRIES_OF_STRANGERS + 1):
        await scene.tools.pool.execute("update repo set due_at = now()")
        scene.resync.remote = Remote(scene.tools.client, time.monotonic)  # peace has passed
        await scene.walk_what_is_due()
    assert len(busy.asked) == TRIES_OF_STRANGERS + 1
    assert pipeline.repos[parse_did(bob.did)].state is State.DESYNCHRONIZED


async def test_case_60_nobody_turns_to_the_repos_of_a_host_that_rests(scene: Scene) -> None:
    pool, pipeline, busy = scene.tools.pool, scene.pipeline, await scene.world.another_pds()
    people = [await scene.world.person(f"person{number}", pds=busy) for number in range(3)]
    busy.faults.on("*", status(429, {"Retry-After": "300"}))
    for person in people:
        await pipeline.writer.write([pipeline.track(parse_did(person.did), "a test")], None)
        await scene.tools.resolver.resolve(parse_did(person.did))
    await scene.walk_what_is_due()
    assert len(busy.asked) == 1
    assert await pool.fetchval("select count(*) from repo where attempts > 0") == 1
    assert await pool.fetchval("select count(*) from repo where due_at <= now()") >= 2


async def test_a_collection_that_is_wanted_only_now_is_walked_at_an_equal_rev(
    scene: Scene,
) -> None:
    """The version before this one knew of no tracks: the rev is right, and they are missing."""
    pool, did = scene.tools.pool, scene.alice.did
    await pool.execute("update repo set walked = array_remove(walked, 'fm.plyr.track')")
    await pool.execute("delete from record where did = $1", did)
    await pool.execute("delete from track")
    scene.resync.pipeline = await build_pipeline(scene.tools, "fm.plyr", host=None)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First"}
    walked = await pool.fetchval("select walked from repo where did = $1", did)
    assert "fm.plyr.track" in walked


async def test_what_an_overflowing_queue_dropped_is_walked_for(scene: Scene) -> None:
    alice, pipeline, did = scene.alice, scene.pipeline, parse_did(scene.alice.did)
    pipeline.repos[did] = replace(pipeline.repos[did], state=State.WAITING)
    pipeline.offer((await untold(alice, "Queued")).frame(1))
    await pipeline.step()
    assert pipeline.repos[did].state is State.WAITING
    pipeline.queued[did] = QUEUED_BYTES_PER_REPO
    pipeline.offer((await untold(alice, "One too many")).frame(2))
    await pipeline.step()
    assert pipeline.repos[did].state is State.DESYNCHRONIZED
    assert did not in pipeline.queued
    assert await scene.tools.pool.fetchval("select count(*) from repo_queue") == 0
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Queued", "One too many"}


async def test_a_queue_is_left_to_the_walk_that_was_called_for_meanwhile(scene: Scene) -> None:
    """It chains to its end, which is not that of the repo."""
    alice, pipeline, did = scene.alice, scene.pipeline, parse_did(scene.alice.did)
    pipeline.repos[did] = replace(pipeline.repos[did], state=State.WAITING)
    pipeline.offer((await untold(alice, "Queued")).frame(1))
    await pipeline.step()
    await untold(alice, "In the gap")
    identity = await scene.tools.resolver.resolve(did)
    async with pipeline.desk:
        draining = asyncio.create_task(drain(pipeline, did, identity.key, State.WAITING))
        step = pipeline.desynchronize(pipeline.repos[did], "a gap")
        await pipeline.writer.write([step], None)
    assert not await draining
    assert pipeline.repos[did].state is State.DESYNCHRONIZED
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Queued", "In the gap"}


@pytest.mark.parametrize("told", ["by #account", "by a commit", "by her host"])
async def test_who_was_gone_and_gives_a_sign_of_life_is_walked(scene: Scene, told: str) -> None:
    alice, pipeline, did = scene.alice, scene.pipeline, parse_did(scene.alice.did)
    accounts = build_accounts(scene.tools, pipeline)
    await alice.become("deleted", told=False)
    await untold(alice, "Before she left")
    await call_for_a_walk(scene)
    await scene.walk_what_is_due()
    assert pipeline.repos[did].state is State.GONE
    await accounts.confirm_status(did)
    assert did in pipeline.inactive
    await alice.become("active", told=False)
    last = await untold(alice, "Back")
    match told:
        case "by #account":
            seq = alice.say_account(active=True)
            pipeline.offer(dict(scene.world.relay.log)[seq])
            await pipeline.step()
        case "by a commit":
            pipeline.offer(last.frame(1))
            await pipeline.step()
            await accounts.ask_what_is_due()
        case _:
            await accounts.confirm_status(did)
    await scene.walk_what_is_due()
    assert pipeline.repos[did].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Before she left", "Back"}
