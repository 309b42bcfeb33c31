"""Cursors of the event stream: whoever comes back goes on exactly where they were."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appview.commands import rebuild
from appview.config import from_env
from appview.context import AppSettings
from migrations.database import Pool
from tests.appview.streams import Stage, ending, frames, some, staged
from tests.indexer.stream import new_sequencer
from tests.support import http_client

INFO = "fm.plyr.sync.subscribeEvents#info"


@pytest.fixture
async def stage(settings: AppSettings, pool: Pool) -> AsyncIterator[Stage]:
    async with staged(settings, pool) as running:
        yield running


async def test_without_a_cursor_only_what_is_new_comes(stage: Stage) -> None:
    await stage.say("old")
    async with stage.subscriber() as socket, stage.event_source() as source:
        await source.begun()
        await stage.say("new")
        assert [event["handle"] for event in await some(socket, 1)] == ["new.test"]
        assert [event["handle"] for event in await source.some(1)] == ["new.test"]


async def test_pieces_resumed_at_any_event_are_exactly_the_whole(stage: Stage) -> None:
    """Part of it is read from the log, part is in the ring, part comes while it is read."""
    await stage.say(*(f"early{number}" for number in range(30)))
    async with stage.subscriber(cursor=0) as staying:
        whole = await frames(staying, 30)
        await stage.say(*(f"late{number}" for number in range(30)))
        whole += await frames(staying, 30)
        seqs = await stage.seqs()
        for cut in range(60):
            async with stage.subscriber(cursor=seqs[cut]) as socket:
                assert await frames(socket, 59 - cut) == whole[cut + 1 :]
        chance = random.Random(4)
        read: list[int] = []
        while len(read) < 60:
            async with stage.event_source(last=read[-1] if read else 0, cursor=1) as source:
                batch = await source.some(min(chance.randint(1, 20), 60 - len(read)))
                read += [event["seq"] for event in batch if "seq" in event]
        assert read == seqs


async def test_nobody_misses_or_doubles_anything_while_others_write(stage: Stage) -> None:
    names = [f"n{number}" for number in range(120)]

    async def write() -> None:
        for start in range(0, 120, 6):
            async with stage.pool.acquire() as slow, slow.transaction():
                # One that commits after those that began later, and has the lower id.
                await slow.execute(
                    "insert into stream.outbox (kind, did, handle) values ('identity', $1, 'a.b')",
                    f"did:plc:{names[start]}",
                )
                await stage.say(*names[start + 1 : start + 6])

    async def follow(cursor: int) -> list[int]:
        read, chance = [cursor], random.Random(cursor)
        while len(read) < 121:
            async with stage.subscriber(cursor=read[-1]) as socket:
                wanted = min(chance.randint(1, 40), 121 - len(read))
                heard = [event for event in await some(socket, wanted) if "seq" in event]
                read += [event["seq"] for event in heard]
        return read[1:]

    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follow(0)) for _ in range(4)]
        await write()
        await stage.number()
    for task in following:
        assert task.result() == await stage.seqs()
    dids = [row[0] for row in await stage.pool.fetch("select did from stream.event")]
    assert sorted(dids) == sorted(f"did:plc:{name}" for name in names)


async def test_a_cursor_ahead_of_all_is_refused(stage: Stage) -> None:
    await stage.say("sea")
    ahead = (await stage.seqs())[-1] + 1
    async with stage.subscriber(cursor=ahead) as socket:
        assert await ending(socket) == ([], "FutureCursor", 1008)
    response = await stage.get(cursor=ahead)
    assert (response.status_code, response.json()["error"]) == (400, "FutureCursor")
    async with stage.subscriber(cursor=ahead - 1) as socket:
        await stage.say("lake")
        assert [event["handle"] for event in await some(socket, 1)] == ["lake.test"]


async def trim(stage: Stage, kept: int) -> None:
    while await new_sequencer(stage.pool, events=kept).trim():
        pass


async def test_a_cursor_of_what_is_not_kept_any_more_is_told_so(stage: Stage) -> None:
    await stage.say("a", "b", "c", "d")
    seqs = await stage.seqs()
    await trim(stage, 2)
    async with stage.subscriber(cursor=seqs[0]) as socket:
        info, *rest = await some(socket, 3)
    assert (info["$type"], info["name"]) == (INFO, "OutdatedCursor")
    assert [event["seq"] for event in rest] == seqs[2:]
    async with stage.event_source(last=seqs[0]) as source:
        assert await source.some(3) == [info, *rest]
    for cursor in (0, seqs[1]):  # everything there is; nothing missed
        async with stage.subscriber(cursor=cursor) as socket:
            assert await some(socket, 2) == rest


async def test_a_cursor_of_another_database_is_outdated(stage: Stage) -> None:
    async with stage.subscriber(cursor=1_700_000_000_000_000) as socket:
        assert [event["name"] for event in await some(socket, 1)] == ["OutdatedCursor"]


async def test_a_last_event_id_goes_before_the_cursor_and_has_to_be_one(stage: Stage) -> None:
    await stage.say("a", "b")
    first, second = await stage.seqs()
    async with stage.event_source(last=first, cursor=0) as source:
        assert [event["seq"] for event in await source.some(1)] == [second]
    async with http_client(stage.url) as client:
        for wrong in ("b", "-1", "9" * 19, "9" * 5_000):
            answer = await client.get("/events", headers={"last-event-id": wrong})
            assert answer.status_code == 400, answer.text
            assert answer.json()["message"].startswith("Last-Event-ID")


async def test_a_rebuild_sends_everybody_back_to_its_begin(
    stage: Stage, database_url: str, tmp_path: Path
) -> None:
    await stage.say("a")
    config = from_env({"PLYR_DATABASE_URL": database_url, "PLYR_DATA_DIR": str(tmp_path)})
    async with stage.subscriber(cursor=0) as socket:
        last = (await some(socket, 1))[0]["seq"]
        await rebuild.rebuild(config, confirmed=True)
        await stage.say("b")
        assert (await ending(socket))[1] == "ConsumerTooSlow"
    async with stage.subscriber(cursor=last) as socket:
        info, event = await some(socket, 2)
    assert (info["name"], event["handle"]) == ("OutdatedCursor", "b.test")
