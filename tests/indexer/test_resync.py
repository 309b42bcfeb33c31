"""One repo walked: tests/network has the rest, as seen from outside."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from indexer.repo_state import State
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.test_watch import Scene, complete, untold


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        yield scene


async def test_a_walk_that_meets_a_new_key_looks_it_up(scene: Scene) -> None:
    alice, did = scene.alice, parse_did(scene.alice.did)
    await alice.rotate_key(told=False)
    await untold(alice, "Signed anew")
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Signed anew"}
