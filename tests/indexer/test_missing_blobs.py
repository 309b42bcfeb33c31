"""Blobs that their PDS did not have: confirmed before it counts, asked for ever more rarely."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from indexer.missing_blobs import UNSURE_AGE, MissingBlobs
from indexer.questions import AT_ONCE_PER_HOST
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.indexer.tools import tools
from tests.network.http import held, json_response, status
from tests.network.world import Person, World
from tests.support import wait_until
from xrpc.tasks import end

UPSTREAM = "com.atproto.sync.getBlob"
SOUND = b"RIFF of a song"


@dataclass(slots=True)
class Scene:
    """A track whose blob did not come a moment ago, and who asks for it again."""

    world: World
    alice: Person
    rows: Rows
    missing: MissingBlobs
    clock: list[datetime]
    cid: str

    async def row(self) -> dict[str, Any]:
        row = await self.rows.pool.fetchrow("select * from media.missing_blob")
        return {} if row is None else dict(row)

    async def asks_when_due(self) -> None:
        self.clock[0] = max(self.clock[0], (await self.row())["due_at"])
        assert await self.missing.asker.round()

    @property
    def asked(self) -> int:
        return self.alice.pds.times_asked(UPSTREAM)


@pytest.fixture
async def scene(pool: Pool) -> AsyncIterator[Scene]:
    async with (
        World.open() as world,
        tools(pool, world.directory.url, allow_private_addresses=True) as given,
    ):
        alice = await world.person("alice")
        rows = Rows(pool)
        await rows.account(alice.did)
        blob = alice.pds.add_blob(alice.did, SOUND, "audio/wav")
        cid = str(blob["ref"])
        await rows.track(alice.did, audio_cid=cid)
        del alice.pds.blobs[alice.did, cid]
        await rows.insert("media.missing_blob", did=alice.did, cid=cid)
        clock = [datetime.now(UTC)]
        missing = MissingBlobs(pool, given.resolver, given.remote, lambda: clock[0])
        yield Scene(world, alice, rows, missing, clock, cid)


async def test_a_blob_is_not_asked_for_again_at_once(scene: Scene) -> None:
    assert not await scene.missing.asker.round()
    assert scene.asked == 0


async def test_what_is_not_there_is_asked_for_ever_more_rarely(scene: Scene) -> None:
    waits = []
    for asks in range(2, 9):
        await scene.asks_when_due()
        row = await scene.row()
        assert (row["asks"], row["asked_at"]) == (asks, scene.clock[0])
        waits.append(row["due_at"] - scene.clock[0])
    assert waits[0] > timedelta(minutes=1)
    assert all(before < after for before, after in pairwise(waits[:5]))
    assert max(waits) < timedelta(hours=30), "but it is asked for"
    assert not await scene.missing.asker.round()


async def test_what_is_there_again_is_missing_no_more(scene: Scene) -> None:
    await scene.asks_when_due()
    scene.alice.pds.add_blob(scene.alice.did, SOUND, "audio/wav")
    await scene.asks_when_due()
    assert await scene.row() == {}


@pytest.mark.parametrize(
    ("fault", "counts"),
    [
        (status(404, error="NotFound"), True),
        (status(400, error="BlobNotFound"), True),
        (status(400, error="RepoNotFound"), False),
        (status(400, error="InvalidRequest"), False),
        (status(500, error="BlobNotFound"), False),
        (status(429), False),
    ],
    ids=["404", "by name", "the account", "something else", "trouble", "busy"],
)
async def test_only_a_clear_no_counts(scene: Scene, fault: Any, counts: bool) -> None:
    scene.alice.pds.faults.on(UPSTREAM, fault)
    await scene.asks_when_due()
    row = await scene.row()
    assert row["asks"] == (2 if counts else 1)
    if not counts:
        assert row["due_at"] == scene.clock[0] + UNSURE_AGE


async def test_the_reference_pds_says_no_in_its_message(scene: Scene) -> None:
    async def answered(_: object) -> Any:
        return json_response({"error": "InvalidRequest", "message": "Blob not found"}, 400)

    scene.alice.pds.faults.on(UPSTREAM, answered)
    await scene.asks_when_due()
    assert (await scene.row())["asks"] == 2


async def test_a_pds_that_is_gone_has_said_nothing(scene: Scene) -> None:
    await scene.alice.pds.close()
    await scene.asks_when_due()
    assert (await scene.row())["asks"] == 1


async def test_an_account_that_has_moved_is_asked_where_it_is_now(scene: Scene) -> None:
    before = scene.alice.pds
    await scene.missing.resolver.resolve(Did(scene.alice.did))
    other = await scene.world.another_pds()
    other.add_blob(scene.alice.did, SOUND, "audio/wav")
    await scene.alice.move_to(other)
    await scene.asks_when_due()
    assert await scene.row() == {}
    assert before.times_asked(UPSTREAM) == 0


async def test_what_nobody_names_any_more_is_forgotten_without_a_question(scene: Scene) -> None:
    await scene.rows.pool.execute("delete from track")
    await scene.asks_when_due()
    assert await scene.row() == {}
    assert scene.asked == 0


@pytest.mark.parametrize("change", ["another track", "an update"])
async def test_a_record_that_is_written_is_a_reason_to_ask(scene: Scene, change: str) -> None:
    await scene.rows.pool.execute(
        """
        update media.missing_blob
        set asks = 5,
            asked_at = now() - interval '1 hour',
            due_at = now() + interval '1 hour'
        """
    )
    if change == "another track":
        await scene.rows.track(scene.alice.did, audio_cid=scene.cid)
    else:
        await scene.rows.pool.execute("update track set audio_cid = audio_cid")
    assert (await scene.row())["due_at"] <= datetime.now(UTC)


async def test_records_written_again_and_again_are_no_reason_to_ask_again_and_again(
    scene: Scene,
) -> None:
    await scene.asks_when_due()
    await scene.rows.pool.execute("update media.missing_blob set asked_at = now()")
    await scene.rows.pool.execute("update track set audio_cid = audio_cid")
    assert (await scene.row())["due_at"] > datetime.now(UTC) + timedelta(seconds=10)


async def test_those_of_one_account_are_asked_for_one_after_the_other(scene: Scene) -> None:
    for number in range(5):
        await scene.rows.insert("media.missing_blob", did=scene.alice.did, cid=f"other{number}")
    scene.clock[0] += timedelta(minutes=1)
    for left in (5, 4, 3):
        assert await scene.missing.asker.round()
        sql = "select count(*) from media.missing_blob where due_at <= $1"
        assert await scene.rows.pool.fetchval(sql, scene.clock[0]) == left


async def test_a_host_that_never_answers_holds_up_no_other(scene: Scene) -> None:
    """However many names it has."""
    may_answer = asyncio.Event()
    tarpits = [await scene.world.another_pds() for _ in range(10)]
    for tarpit in tarpits:
        tarpit.faults.on(UPSTREAM, held(may_answer))
        for _ in range(6):
            stuck = await scene.world.person("stuck", pds=tarpit)
            await scene.rows.account(stuck.did, pds=tarpit.url)
            await scene.rows.track(stuck.did, audio_cid=scene.cid)
            await scene.rows.insert("media.missing_blob", did=stuck.did, cid=scene.cid)
    sql = "update media.missing_blob set due_at = '2026-01-01' where did <> $1"
    await scene.rows.pool.execute(sql, scene.alice.did)
    scene.clock[0] += timedelta(minutes=1)
    running = asyncio.create_task(scene.missing.asker.run())
    try:
        await wait_until(lambda: scene.asked)
        assert max(tarpit.times_asked(UPSTREAM) for tarpit in tarpits) <= AT_ONCE_PER_HOST
    finally:
        may_answer.set()
        await end([running])
