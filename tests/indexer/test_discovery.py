"""Who holds records of ours: asked for page by page or repo by repo, and every day anew."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from indexer.discovery import DESCRIBE_RETRIES, Discovery
from tests.indexer.scene import Scene
from tests.network.http import Answer, HttpServer, json_response, status
from tests.network.makers import post, track
from tests.network.world import new_plc_did
from tests.support import wait_until
from xrpc.remote import HostBusy, RemoteError

DESCRIBE = "com.atproto.repo.describeRepo"
LIST = "com.atproto.sync.listReposByCollection"


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


async def test_a_day_is_a_day_however_often_the_program_is_restarted(scene: Scene) -> None:
    given, origin, begun = scene.tools, scene.world.relay.http_url, datetime.now(UTC)

    async def hours_left(passed: float) -> float:
        now = begun + timedelta(hours=passed)
        restarted = Discovery(given.pool, scene.pipeline, given.remote, origin, lambda: now)
        return await restarted.due_in_seconds() / 3600

    assert [round(await hours_left(passed)) for passed in (0, 9, 23, 25)] == [24, 15, 1, 0]


async def test_what_was_looked_for_under_other_names_was_not_looked_for(scene: Scene) -> None:
    given, origin = scene.tools, scene.world.relay.http_url
    discovery = Discovery(given.pool, scene.pipeline, given.remote, origin, given.now)
    assert await discovery.due_in_seconds() > 0
    scene.pipeline.signals = frozenset(
        name.replace("fm.plyr", "fm.plyr.dev") for name in scene.pipeline.signals
    )
    assert await discovery.due_in_seconds() == 0


class Directory(HttpServer):
    """Lists a repo a page, under its number, whatever the collection."""

    def __init__(self, dids: Sequence[str]) -> None:
        super().__init__()
        self.dids = dids

    async def answer(self, request: Request, name: str) -> Response:
        assert name == LIST
        place = int(request.query_params.get("cursor", "0"))
        more = {"cursor": str(place + 1)} if place + 1 < len(self.dids) else {}
        return json_response({"repos": [{"did": self.dids[place]}], **more})


async def test_case_69_a_discovery_that_was_cut_short_goes_on_where_it_was(scene: Scene) -> None:
    given = scene.tools
    directory = Directory([new_plc_did() for _ in range(5)])
    await directory.open()
    directory.faults.on(LIST, as_usual, times=3)
    directory.faults.on(LIST, status(503), times=1)
    try:
        for number in range(2):
            discovery = Discovery(
                given.pool, scene.pipeline, given.remote, directory.url, given.now
            )
            with nullcontext() if number else pytest.raises(RemoteError):
                await discovery.discover()
    finally:
        await directory.close()
    assert set(directory.dids) <= set(scene.pipeline.repos)
    first = [
        asked.params.get("cursor", ["0"])
        for asked in directory.asked
        if asked.params["collection"] == [min(scene.pipeline.signals)]
    ]
    assert first == [["0"], ["1"], ["2"], ["3"], ["3"], ["4"]]
