"""Whose identity comes late waits for it alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.repo_state import State
from indexer.service import build_accounts
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.scene import Scene, complete, untold
from tests.network.http import held

FOR_EVER = 3600.0


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        scene.pipeline.network_wait_seconds = FOR_EVER
        yield scene


async def test_a_domain_that_is_slow_to_say_who_signs_holds_up_nobody_else(scene: Scene) -> None:
    slow = await scene.world.person("slow", web=True, greeted=False)
    did = parse_did(slow.did)
    slow.pds.faults.on("did.json", held(until := asyncio.Event()))
    scene.pipeline.offer((await untold(slow, "Late")).frame(1))
    scene.pipeline.offer((await untold(scene.alice, "In time")).frame(2))
    await scene.pipeline.step()
    assert await scene.tracks() == {"First", "In time"}
    assert scene.pipeline.repos[did].state is State.WAITING
    until.set()
    await build_accounts(scene.tools, scene.pipeline).drain_waiting(did)
    assert await scene.tracks() == {"First", "In time", "Late"}
    assert slow.pds.times_asked("did.json") == 1  # the answer to the first question sufficed


async def test_nobody_is_asked_again_for_the_sake_of_a_repo_that_waits_anyway(scene: Scene) -> None:
    did = parse_did(scene.alice.did)
    scene.tools.resolver.forget(did)
    await scene.tools.pool.execute("update account set identity_at = null")
    scene.pipeline.repos[did] = replace(scene.pipeline.repos[did], state=State.WAITING)
    directory = scene.world.directory
    directory.faults.on(did, held(until := asyncio.Event()))
    asked = directory.times_asked(did)
    scene.pipeline.offer((await untold(scene.alice, "Queued")).frame(1))
    await scene.pipeline.step()
    assert scene.pipeline.queued[did]
    until.set()
    await build_accounts(scene.tools, scene.pipeline).drain_waiting(did)
    assert await scene.tracks() == {"First", "Queued"}
    assert directory.times_asked(did) == asked + 1
