"""Discovery where nothing lists repos by collection: each is asked what it holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import Response

from indexer.discovery import DESCRIBE_RETRIES, Discovery
from migrations.database import Pool
from tests.indexer.test_watch import Scene, complete
from tests.network.http import Answer, status
from tests.network.makers import post, track
from tests.support import wait_until
from xrpc.remote import HostBusy

DESCRIBE = "com.atproto.repo.describeRepo"


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        yield scene


async def as_usual(answer: Answer) -> Response:
    return await answer()


async def test_a_host_that_asks_for_peace_is_not_asked_the_same_again(scene: Scene) -> None:
    given, pds = scene.tools, scene.world.pdses[0]
    for number in range(10):
        person = await scene.world.person(f"person{number}")
        await person.write(track() if number == 9 else post())
    discovery = Discovery(given.pool, scene.pipeline, given.remote, pds.url, given.now)

    async def is_done() -> bool:
        try:
            await discovery.discover()
        except HostBusy:
            return False
        return person.did in scene.pipeline.repos

    pds.faults.on(DESCRIBE, as_usual, times=8)
    pds.faults.on(DESCRIBE, status(429, {"retry-after": "1"}), times=1)
    assert not await is_done()
    await wait_until(is_done)
    assert pds.times_asked(DESCRIBE) <= 12


async def test_one_repo_that_its_host_cannot_describe_keeps_nobody_else_out(scene: Scene) -> None:
    given, pds = scene.tools, scene.world.pdses[0]
    people = [await scene.world.person(f"person{number}") for number in range(10)]
    for person in people:
        await person.write(track())
    broken, *others = sorted(people, key=lambda person: person.did)

    async def answer(usual: Answer) -> Response:
        is_broken = pds.asked[-1].params["repo"] == [broken.did]
        return await (status(500, error="InternalServerError")(usual) if is_broken else usual())

    pds.faults.on(DESCRIBE, answer)
    discovery = Discovery(given.pool, scene.pipeline, given.remote, pds.url, given.now)
    assert await discovery.discover() == len(others)
    assert discovery.undescribed == {broken.did}
    asked = pds.times_asked(DESCRIBE)
    assert await discovery.discover() == 0
    assert pds.times_asked(DESCRIBE) == asked + 1
    pds.faults.clear()
    assert await discovery.discover() == 1
    assert not discovery.undescribed


async def test_who_cannot_be_described_is_left_for_the_next_day(scene: Scene) -> None:
    given, pds = scene.tools, scene.world.pdses[0]
    await (await scene.world.person("broken")).write(track())
    pds.faults.on(DESCRIBE, status(500, error="InternalServerError"))
    discovery = Discovery(given.pool, scene.pipeline, given.remote, pds.url, given.now)
    discovery.first_retry_seconds = 0.01
    running = asyncio.create_task(discovery.run())
    try:
        await wait_until(lambda: discovery.finished and not discovery.undescribed)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert pds.times_asked(DESCRIBE) <= 2 * (1 + DESCRIBE_RETRIES)


async def test_the_next_discovery_asks_everybody_again(scene: Scene) -> None:
    given, pds = scene.tools, scene.world.pdses[0]
    bystander = await scene.world.person("bystander")
    await bystander.write(post())
    discovery = Discovery(given.pool, scene.pipeline, given.remote, pds.url, given.now)
    assert await discovery.discover() == 0
    await bystander.write(track())
    assert await discovery.discover() == 1
