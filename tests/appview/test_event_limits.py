"""What the event stream bears: slow readers, many readers, a database that breaks, an end."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest
import websockets
from prometheus_client import REGISTRY

from appview.context import AppSettings
from migrations.database import Pool, create_pool
from tests.appview.streams import Stage, ending, frames, some, staged
from tests.indexer.changes import change, track
from tests.support import wait_until


@pytest.fixture
async def stage(settings: AppSettings, pool: Pool) -> AsyncIterator[Stage]:
    async with staged(settings, pool) as running:
        yield running


async def big_events(stage: Stage, count: int) -> None:
    """Each with the same record of 200 kB, more together than is kept for anybody."""
    await stage.write(change(track(unheardOf="x" * 200_000)))
    await stage.pool.execute(
        """
        insert into stream.outbox (kind, did, collection, rkey, rev, cid, action, live)
        select kind, did, collection, rkey, rev, cid, 'update', live
        from stream.event, generate_series(2, $1)
        where action = 'create'
        """,
        count,
    )
    await stage.number()


def sent(how: str) -> float:
    return REGISTRY.get_sample_value("plyr_stream_messages_total", {"how": how}) or 0.0


async def test_who_does_not_keep_up_is_cut_off_and_told_why(stage: Stage) -> None:
    async with stage.subscriber() as slow, stage.event_source() as slow_source:
        await slow_source.begun()
        await big_events(stage, 150)
        async with stage.subscriber(cursor=0) as quick:
            assert len(await frames(quick, 150)) == 150
        messages, error, code = await ending(slow)
        assert (error, code) == ("ConsumerTooSlow", 1008)
        assert 0 < len(messages) < 150
        last = None
        while (event := (await slow_source.some(1))[0]).get("error") is None:
            last = event["seq"]
        assert event["error"] == "ConsumerTooSlow"
        assert [line async for line in slow_source.lines] == []
    seqs = await stage.seqs()
    assert last is not None
    async with stage.event_source(last=last) as source:
        rest = await source.some(len(seqs) - seqs.index(last) - 1)
        assert [event["seq"] for event in rest] == seqs[seqs.index(last) + 1 :]


async def test_who_reads_what_is_old_slowly_is_not_cut_off(stage: Stage) -> None:
    await big_events(stage, 150)
    async with stage.subscriber(cursor=0) as slow:
        read = await frames(slow, 10)
        await stage.say("meanwhile")
        assert len(read + await frames(slow, 141)) == 151


async def test_every_event_that_is_sent_is_counted(stage: Stage) -> None:
    await stage.say("a", "b", "c")
    before = sent("event-source")
    async with stage.event_source(cursor=0) as source:
        assert len(await source.some(3)) == 3
        await stage.say("d")
        assert len(await source.some(1)) == 1
    await wait_until(lambda: sent("event-source") == before + 4)


async def test_so_many_streams_are_open_for_one_address_and_no_more(
    settings: AppSettings, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    server_log = logging.getLogger("uvicorn.error")
    server_log.addHandler(caplog.handler)
    async with staged(replace(settings, max_subscribers_per_caller=2), pool) as stage:
        async with stage.subscriber(), stage.event_source():
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with stage.subscriber():
                    pass
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["retry-after"]
            assert (await stage.get()).status_code == 429

        async with AsyncExitStack() as kept:
            again = 0

            async def both_are_free() -> bool:
                """Who is let in stays: one seat is given back some moments after the other."""
                nonlocal again
                with suppress(websockets.InvalidStatus):
                    await kept.enter_async_context(stage.subscriber())
                    again += 1
                return again == 2

            await wait_until(both_are_free)
    server_log.removeHandler(caplog.handler)
    assert caplog.records == []  # whoever is refused fills no operator's log


async def test_so_many_streams_are_open_in_all_and_no_more(
    settings: AppSettings, pool: Pool
) -> None:
    async with staged(replace(settings, max_subscribers=1), pool) as stage, stage.subscriber():
        response = await stage.get()
        assert (response.status_code, response.json()["error"]) == (503, "NotEnoughResources")


async def test_a_server_that_stops_ends_its_streams_at_once(stage: Stage) -> None:
    async with stage.subscriber() as socket, stage.event_source() as source:
        await stage.say("last")
        stage.stop.set()
        _, error, code = await ending(socket)
        assert error is None
        assert code == 1012
        assert not [line async for line in source.lines if line.startswith("error")]


async def test_a_connection_to_the_database_that_breaks_costs_no_event(stage: Stage) -> None:
    async with stage.subscriber(cursor=0) as socket:
        await stage.say("before")
        assert await some(socket, 1)
        broken = await stage.pool.fetchval(
            """
            select count(pg_terminate_backend(pid))
            from pg_stat_activity
            where datname = current_database()
              and pid <> pg_backend_pid()
              and query like '%with looked as%'
            """
        )
        assert broken
        await stage.say("after", "later")
        assert [event["handle"] for event in await some(socket, 2)] == ["after.test", "later.test"]


async def test_notifications_that_do_not_come_are_no_loss(stage: Stage) -> None:
    """As through a pooler that carries none."""
    async with stage.subscriber(cursor=0) as socket:
        await stage.say("first")
        assert await some(socket, 1)
        await stage.pool.execute(
            """
            insert into stream.event (seq, at, kind, did)
            select last_seq + 1, now(), 'identity', 'did:plc:quiet' from stream.state
            """
        )
        await stage.pool.execute("update stream.state set last_seq = last_seq + 1")
        assert [event["did"] for event in await some(socket, 1)] == ["did:plc:quiet"]


async def test_what_a_client_says_is_read_and_ignored_within_bounds(stage: Stage) -> None:
    async with stage.subscriber(cursor=0) as socket:
        for word in ("hello", b"\x00\xff", '{"type":"options_update"}'):
            await socket.send(word)
        await stage.say("sea")
        assert len(await some(socket, 1)) == 1
        await socket.send("x" * 5_000)
        assert (await ending(socket))[2] == 1009


async def test_a_request_that_is_too_long_is_refused_and_keeps_no_server_from_ending(
    stage: Stage,
) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with stage.subscriber(cursor=0, unknown="x" * 9_000):
            pass
    assert refused.value.response.status_code == 431


async def test_who_waits_for_a_busy_database_is_told_of_the_end_of_the_server(
    settings: AppSettings, database_url: str
) -> None:
    async with (
        create_pool(database_url, min_size=1, max_size=1) as pool,
        pool.acquire(),
        staged(settings, pool) as stage,
        stage.subscriber() as socket,
    ):
        stage.stop.set()
        assert await ending(socket) == ([], None, 1012)
