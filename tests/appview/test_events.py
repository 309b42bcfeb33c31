"""The event stream as its clients meet it: the program on a socket, over real tables."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from appview.app import create_app
from appview.commands import upkeep
from appview.config import from_env
from appview.context import AppSettings
from appview.events.log import CHANNEL
from indexer import moderation, sequencer
from indexer.moderation import Decision, Subject
from lexicons.cid import cid_text, raw_cid
from lexicons.data_model import decode_record, encode, to_json
from migrations.database import Pool
from tests.appview.served import served
from tests.appview.streams import CATALOG, Stage, ending, frames, some
from tests.indexer.changes import (
    ALICE,
    BOB,
    TRACK_URI,
    TYPES,
    audio_blob,
    change,
    comment,
    deletion,
    like,
    track,
)
from tests.indexer.stream import new_sequencer
from tests.support import wait_until

RECORD, ACCOUNT, IDENTITY, INFO = (
    f"fm.plyr.sync.subscribeEvents#{name}" for name in ("record", "account", "identity", "info")
)


@pytest.fixture
async def stage(settings: AppSettings, pool: Pool) -> AsyncIterator[Stage]:
    stop = asyncio.Event()
    app = create_app(settings, pool, CATALOG, None, stop)
    async with served(app, stop) as url:
        yield Stage(url, pool, stop)


async def test_a_record_is_told_as_it_was_signed_by_socket_and_by_event_source(
    stage: Stage,
) -> None:
    song = change(track(audioBlob=audio_blob(), features=[{"did": BOB, "handle": "bob.test"}]))
    await stage.write(song, deletion(song, rev=2))
    await stage.write(change(track(audioBlob=audio_blob()), rev=3))
    async with stage.subscriber(cursor=0) as socket, stage.event_source(cursor=0) as source:
        by_socket, by_source = await some(socket, 3), await source.some(3)
    assert by_socket == by_source
    created, deleted, again = by_socket
    assert created["action"] == "create"
    assert (created["uri"], created["did"], created["live"]) == (TRACK_URI, ALICE, True)
    assert "record" not in created  # deleted by now, and nobody's to tell any more
    assert (deleted["action"], deleted["reason"]) == ("delete", "deleted")
    assert "cid" not in deleted
    assert again["record"] == to_json(decode_record(encode(track(audioBlob=audio_blob()))))
    assert again["record"]["audioBlob"]["ref"] == {"$link": cid_text(raw_cid(b"sound"))}
    assert [event["seq"] for event in by_socket] == await stage.seqs()


async def test_accounts_and_identities_are_told(stage: Stage) -> None:
    await stage.say("sea")
    await stage.pool.execute("insert into account (did, handle) values ($1, 'old.test')", ALICE)
    await stage.pool.execute("update account set identity_at = now(), handle = 'sea.test'")
    await stage.pool.execute("update account set handle = null")
    await stage.pool.execute(
        "update account set upstream_active = false, upstream_status = 'deactivated'"
    )
    await stage.pool.execute("update account set upstream_active = true")
    await stage.number()
    async with stage.subscriber(cursor=(await stage.seqs())[0]) as socket:
        heard = await some(socket, 4)
    told = [
        {name: value for name, value in event.items() if name not in {"seq", "time", "did"}}
        for event in heard
    ]
    assert told == [
        {"$type": IDENTITY, "handle": "sea.test"},
        {"$type": IDENTITY},
        {"$type": ACCOUNT, "active": False, "status": "deactivated"},
        {"$type": ACCOUNT, "active": True},
    ]


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
    response = await get(stage, cursor=ahead)
    assert (response.status_code, response.json()["error"]) == (400, "FutureCursor")
    async with stage.subscriber(cursor=ahead - 1) as socket:
        await stage.say("lake")
        assert [event["handle"] for event in await some(socket, 1)] == ["lake.test"]


async def get(stage: Stage, path: str = "/events", **params: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.url, trust_env=False) as client:
        return await client.get(path, params=params)


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


async def test_filters_hold_for_what_is_old_and_what_is_new(stage: Stage) -> None:
    async def write(rev: int) -> None:
        await stage.write(
            change(track(), key=rev, rev=rev),
            change(like(), did=BOB, key=rev, rev=rev),
            change(comment(), did=BOB, key=rev, rev=rev),
        )
        await stage.say("alice")

    def heard(events: list[dict[str, Any]]) -> list[str]:
        return [str(event.get("uri") or event["handle"]).split("/")[-2:][0] for event in events]

    await write(1)
    likes: dict[str, Any] = {"cursor": 0, "collections": ["fm.plyr.like", "fm.plyr.list"]}
    of_bob: dict[str, Any] = {"cursor": 0, "dids": [BOB]}
    async with (
        stage.subscriber(**likes) as some_likes,
        stage.subscriber(**of_bob) as bob,
        stage.subscriber(**likes, dids=[ALICE]) as nothing_but_alice,
        stage.event_source(**of_bob) as source,
    ):
        assert heard(await some(some_likes, 2)) == ["fm.plyr.like", "alice.test"]
        await write(2)
        assert heard(await some(some_likes, 2)) == ["fm.plyr.like", "alice.test"]
        assert heard(await some(bob, 4)) == ["fm.plyr.like", "fm.plyr.comment"] * 2
        assert heard(await source.some(4)) == ["fm.plyr.like", "fm.plyr.comment"] * 2
        assert heard(await some(nothing_but_alice, 2)) == ["alice.test"] * 2


async def test_what_is_hidden_by_now_is_not_told_again(stage: Stage) -> None:
    song = change(track(title="Secret"))
    await stage.write(song, change(like(), did=BOB))
    await moderation.take_down(stage.pool, TYPES, Decision(Subject(TRACK_URI), "tests"))
    await stage.pool.execute(
        "update account set upstream_active = false, upstream_status = 'x' where did = $1", BOB
    )
    await stage.number()
    async with stage.subscriber(cursor=0) as socket, stage.event_source(cursor=0) as source:
        heard = await some(socket, 4)
        assert await source.some(4) == heard
    assert [event["$type"] for event in heard] == [RECORD, RECORD, RECORD, ACCOUNT]
    assert not any("record" in event for event in heard)
    assert "Secret" not in repr(heard)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"cursor": "yesterday"}, "cursor"),
        ({"cursor": -1}, "cursor"),
        ({"collections": "like"}, "collections"),
        ({"dids": ["did:plc:abc", "alice.test"]}, "dids"),
        ({"dids": [f"did:plc:{number}" for number in range(101)]}, "dids"),
    ],
)
async def test_a_wrong_parameter_is_named(stage: Stage, params: dict[str, Any], named: str) -> None:
    async with stage.subscriber(**params) as socket:
        assert await ending(socket) == ([], "InvalidRequest", 1008)
    response = await get(stage, **params)
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidRequest"
    assert response.json()["message"].startswith(named)


async def test_a_last_event_id_goes_before_the_cursor_and_has_to_be_one(stage: Stage) -> None:
    await stage.say("a", "b")
    first, second = await stage.seqs()
    async with stage.event_source(last=first, cursor=0) as source:
        assert [event["seq"] for event in await source.some(1)] == [second]
    async with httpx.AsyncClient(base_url=stage.url, trust_env=False) as client:
        answer = await client.get("/events", headers={"last-event-id": "b"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Last-Event-ID")


async def test_an_event_source_says_what_browsers_and_proxies_need(stage: Stage) -> None:
    async with stage.event_source() as source:
        headers = source.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["access-control-allow-origin"] == "*"
        assert await anext(source.lines) == "retry: 3000"
    async with httpx.AsyncClient(base_url=stage.url, trust_env=False) as client:
        head = await client.head("/events")
        assert (head.status_code, head.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        asked = {"access-control-request-headers": "last-event-id"}
        allowed = (await client.options("/events", headers=asked)).headers
        assert allowed["access-control-allow-headers"] == "last-event-id"
        assert (await client.post("/events")).status_code == 405


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


async def test_so_many_streams_are_open_for_one_address_and_no_more(
    settings: AppSettings, pool: Pool
) -> None:
    app = create_app(replace(settings, max_subscribers_per_caller=2), pool, CATALOG, None)
    async with served(app) as url:
        stage = Stage(url, pool, asyncio.Event())
        async with stage.subscriber(), stage.event_source():
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with stage.subscriber():
                    pass
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["retry-after"]
            assert (await get(stage)).status_code == 429

        async def is_free() -> bool:
            try:
                async with stage.subscriber(), stage.subscriber():
                    return True
            except websockets.InvalidStatus:
                return False

        await wait_until(is_free)


async def test_so_many_streams_are_open_in_all_and_no_more(
    settings: AppSettings, pool: Pool
) -> None:
    app = create_app(replace(settings, max_subscribers=1), pool, CATALOG, None)
    async with served(app) as url:
        stage = Stage(url, pool, asyncio.Event())
        async with stage.subscriber():
            response = await get(stage)
            assert (response.status_code, response.json()["error"]) == (503, "NotEnoughResources")


async def test_a_server_that_stops_ends_its_streams_at_once(stage: Stage) -> None:
    async with stage.subscriber() as socket, stage.event_source() as source:
        await stage.say("last")
        await wait_until(lambda: True)
        begun = time.monotonic()
        stage.stop.set()
        _, error, code = await ending(socket)
        assert error is None
        assert code == 1012
        assert not [line async for line in source.lines if line.startswith("error")]
        assert time.monotonic() - begun < 3


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


async def test_a_rebuild_sends_everybody_back_to_its_begin(
    stage: Stage, database_url: str, tmp_path: Path
) -> None:
    await stage.say("a")
    config = from_env({"PLYR_DATABASE_URL": database_url, "PLYR_DATA_DIR": str(tmp_path)})
    async with stage.subscriber(cursor=0) as socket:
        last = (await some(socket, 1))[0]["seq"]
        await upkeep.rebuild(config, confirmed=True)
        await stage.say("b")
        assert (await ending(socket))[1] == "ConsumerTooSlow"
    async with stage.subscriber(cursor=last) as socket:
        info, event = await some(socket, 2)
    assert (info["name"], event["handle"]) == ("OutdatedCursor", "b.test")


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


async def test_a_stream_is_nothing_for_plain_http(stage: Stage) -> None:
    path = "/xrpc/fm.plyr.sync.subscribeEvents"
    async with httpx.AsyncClient(base_url=stage.url, trust_env=False) as client:
        got = await client.get(path)
        assert (got.status_code, got.headers["upgrade"]) == (426, "websocket")
        assert got.headers["access-control-allow-origin"] == "*"
        assert (await client.post(path)).status_code == 405
        assert (await client.options(path)).status_code == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/xrpc/com.atproto.sync.subscribeRepos", 501),
        ("/xrpc/fm.plyr.feed.getLatest", 501),
        ("/xrpc/nonsense", 400),
        ("/events", 400),
    ],
)
async def test_a_web_socket_to_anything_else_is_refused(
    stage: Stage, path: str, status: int
) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(stage.url.replace("http", "ws", 1) + path, proxy=None)
    assert refused.value.response.status_code == status


def test_the_indexer_knocks_where_the_servers_listen() -> None:
    assert CHANNEL == sequencer.CHANNEL
