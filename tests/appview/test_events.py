"""The event stream as its clients meet it: the program on a socket, over real tables."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

from appview.context import AppSettings
from appview.events.log import CHANNEL, PAGE_EVENTS
from indexer import moderation, sequencer
from indexer.moderation import Decision, Subject
from lexicons.cid import cid_text, raw_cid
from lexicons.data_model import decode_record, encode, to_json
from migrations.database import Pool
from tests.appview.streams import Stage, ending, some, staged
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
from tests.support import http_client

RECORD, ACCOUNT, IDENTITY = (
    f"fm.plyr.sync.subscribeEvents#{name}" for name in ("record", "account", "identity")
)


@pytest.fixture
async def stage(settings: AppSettings, pool: Pool) -> AsyncIterator[Stage]:
    async with staged(settings, pool) as running:
        yield running


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


async def test_what_is_hidden_by_now_is_not_told_out_of_memory_either(stage: Stage) -> None:
    """One who stays has the server hold the newest events; one who comes reads beyond a page."""
    async with stage.event_source() as staying:
        await staying.begun()
        await stage.say(*(f"early{number}" for number in range(PAGE_EVENTS)))
        await stage.write(change(track(title="Secret")))
        assert "Secret" in repr(await staying.some(PAGE_EVENTS + 1))
        await moderation.take_down(stage.pool, TYPES, Decision(Subject(TRACK_URI), "tests"))
        await stage.number()
        async with stage.subscriber(cursor=0) as socket:
            assert "Secret" not in repr(await some(socket, PAGE_EVENTS + 2))


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
    response = await stage.get(**params)
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidRequest"
    assert response.json()["message"].startswith(named)


async def test_an_event_source_says_what_browsers_and_proxies_need(stage: Stage) -> None:
    async with stage.event_source() as source:
        headers = source.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["access-control-allow-origin"] == "*"
        assert await anext(source.lines) == "retry: 3000"
    async with http_client(stage.url) as client:
        head = await client.head("/events")
        assert (head.status_code, head.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        asked = {"access-control-request-headers": "last-event-id"}
        allowed = (await client.options("/events", headers=asked)).headers
        assert allowed["access-control-allow-headers"] == "last-event-id"
        assert (await client.post("/events")).status_code == 405


async def test_a_stream_is_nothing_for_plain_http(stage: Stage) -> None:
    path = "/xrpc/fm.plyr.sync.subscribeEvents"
    async with http_client(stage.url) as client:
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
