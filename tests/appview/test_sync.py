"""What the service says of itself, and of why something is shown or is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appview.context import AppSettings
from appview.screen import say_status
from tests.appview.conftest import Client
from tests.appview.makers import Rows


async def test_an_empty_index_has_a_status(client: Client) -> None:
    status = await client.ask("sync.getStatus")
    assert status["upstreams"] == []
    assert status["labelers"] == []
    assert status["backfill"] == {"state": "discovering", "done": 0, "total": 0}
    assert status["gaps"] == []
    assert status["repos"] == {"synchronized": 0, "desynchronized": 0, "parked": 0}
    assert status["version"] == "1.2.3"
    assert status["disk"]["freeBytes"] > 0


async def test_the_lag_is_counted_from_the_last_events_own_time(client: Client, rows: Rows) -> None:
    ago = datetime.now(UTC) - timedelta(seconds=90)
    ahead = datetime.now(UTC) + timedelta(seconds=90)
    await rows.insert("relay_cursor", host="a.test", seq=7, event_at=ago, connected=True)
    await rows.insert("relay_cursor", host="b.test", seq=8, event_at=ahead)
    await rows.insert("relay_cursor", host="never.test")
    never, before, behind = (await client.ask("sync.getStatus"))["upstreams"]
    assert (behind["host"], behind["seq"]) == ("a.test", 7)
    assert behind["connected"]
    assert 90_000 <= behind["lagMs"] < 150_000
    assert before["lagMs"] == 0
    assert never == {"host": "never.test", "connected": False}


async def test_the_backfill_says_how_far_it_is(client: Client, rows: Rows) -> None:
    now = datetime.now(UTC)
    await rows.insert("discovery", source="relay", collection="fm.plyr.track", finished_at=now)
    for number in range(4):
        await rows.insert("repo", did=f"did:plc:s{number}", state="synchronized", synced_at=now)
    for number in range(2):
        await rows.insert("repo", did=f"did:plc:d{number}")
    await rows.insert("repo", did="did:plc:r", state="resyncing")
    await rows.insert("repo", did="did:plc:failing", attempts=9)
    await rows.insert("repo", did="did:plc:w", state="waiting")
    await rows.insert("repo", did="did:plc:g", state="gone")
    status = await client.ask("sync.getStatus")
    assert status["repos"] == {"synchronized": 4, "desynchronized": 3, "parked": 2}
    assert status["backfill"] == {"state": "fetching", "done": 6, "total": 9, "etaMs": 45_000}


async def test_a_discovery_that_has_not_ended_is_said(client: Client, rows: Rows) -> None:
    await rows.insert("discovery", source="relay", collection="fm.plyr.track")
    assert (await client.ask("sync.getStatus"))["backfill"]["state"] == "discovering"


async def test_a_gap_is_shown_until_it_is_made_good_and_after(client: Client, rows: Rows) -> None:
    then, now = datetime(2026, 1, 2, tzinfo=UTC), datetime.now(UTC)
    await rows.insert("relay_gap", host="a.test", reason="asleep", after_seq=7, recorded_at=then)
    await rows.insert("relay_gap", host="a.test", reason="OutdatedCursor", closed_at=now)
    open_gap, closed = (await client.ask("sync.getStatus"))["gaps"]
    assert open_gap == {
        "host": "a.test",
        "reason": "asleep",
        "afterSeq": 7,
        "recordedAt": "2026-01-02T00:00:00Z",
    }
    assert closed["reason"] == "OutdatedCursor"
    assert "closedAt" in closed


async def test_an_upstream_says_what_is_wrong_with_it(client: Client, rows: Rows) -> None:
    await rows.insert("relay_cursor", host="a.test", error="FutureCursor: 12 is ahead")
    [upstream] = (await client.ask("sync.getStatus"))["upstreams"]
    assert upstream["error"] == "FutureCursor: 12 is ahead"


async def test_an_indexer_that_is_silent_is_not_connected_whatever_it_said_last(
    client: Client, rows: Rows
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    relay = {"host": "a.test", "seq": 7, "connected": True, "updated_at": long_ago}
    await rows.insert("relay_cursor", **relay)
    await rows.insert("labels.labeler", did="did:plc:judge", connected=True)
    killed = await client.ask("sync.getStatus")
    await rows.pool.execute("update relay_cursor set listened_at = now()")
    alive = await client.ask("sync.getStatus")
    for status, connected in ((killed, False), (alive, True)):
        assert status["upstreams"] == [{"host": "a.test", "seq": 7, "connected": connected}]
        assert [labeler["connected"] for labeler in status["labelers"]] == [connected]


async def test_of_the_relays_that_were_ever_listened_to_the_latest_are_shown(
    client: Client, rows: Rows
) -> None:
    for number in range(12):
        then = datetime(2026, 1, 1 + number, tzinfo=UTC)
        await rows.insert("relay_cursor", host=f"{number}.test", updated_at=then)
    hosts = [one["host"] for one in (await client.ask("sync.getStatus"))["upstreams"]]
    assert hosts == [f"{number}.test" for number in range(11, 1, -1)]


async def test_each_labeler_that_is_followed_has_its_line(client: Client, rows: Rows) -> None:
    then = datetime(2026, 1, 2, tzinfo=UTC)
    heard = {"did": "did:plc:a", "cursor": 9, "connected": True, "received_at": then}
    await rows.insert("labels.labeler", **heard)
    await rows.insert("labels.labeler", did="did:plc:b", error="NoLabeler: no #atproto_labeler")
    await rows.insert("relay_cursor", host="a.test", connected=True)
    assert (await client.ask("sync.getStatus"))["labelers"] == [
        {"did": "did:plc:a", "seq": 9, "connected": True, "lastEventAt": "2026-01-02T00:00:00Z"},
        {
            "did": "did:plc:b",
            "seq": 0,
            "connected": False,
            "error": "NoLabeler: no #atproto_labeler",
        },
    ]


async def test_the_command_line_says_the_same_in_words(settings: AppSettings, rows: Rows) -> None:
    relay = {"host": "a.test", "seq": 7, "connected": True, "error": "slow"}
    await rows.insert("relay_cursor", **relay)
    await rows.insert("labels.labeler", did="did:plc:judge", cursor=9, error="away")
    await rows.insert("relay_cursor", host="b.test", received_at=datetime.now(UTC))
    await rows.insert("relay_gap", host="a.test", reason="asleep")
    lines = (await say_status(settings, rows.pool, as_json=False)).splitlines()
    assert lines[3:8] == [
        "upstream    b.test: not connected, no event yet",
        "upstream    a.test: connected, seq 7",
        "            slow",
        "labeler     did:plc:judge: not connected, seq 9",
        "            away",
    ]
    assert lines[8].endswith("a.test: asleep")


async def test_quarantined_records_are_counted(client: Client, rows: Rows) -> None:
    uri = "at://did:plc:alice/fm.plyr.track/bad"
    await rows.record(uri, {}, state="invalid", reason="lexicon", detail="title: is required")
    assert (await client.ask("sync.getStatus"))["quarantined"] == 1


async def status_of(client: Client, **params: str) -> dict[str, Any]:
    return await client.ask("sync.getRecordStatus", **params)


async def test_a_shown_record_has_its_proof(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    status = await status_of(client, uri=uri)
    assert status["state"] == "shown"
    assert status["rev"] == "3kaaaaaaaaa22"
    assert {"cid", "provenAt", "seenAt"} <= status.keys()
    by_handle = uri.replace("did:plc:alice", "alice.test")
    assert await status_of(client, uri=by_handle) == status


async def test_a_quarantined_record_says_what_is_wrong_with_it(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = "at://did:plc:alice/fm.plyr.track/bad"
    await rows.record(uri, {}, state="invalid", reason="lexicon", detail="title: is required")
    status = await status_of(client, uri=uri)
    assert (status["state"], status["reason"]) == ("invalid", "lexicon: title: is required")


async def test_a_record_is_deleted_hidden_or_was_never_seen(client: Client, rows: Rows) -> None:
    await rows.account("alice", upstream_status="deactivated")
    deleted, taken_down, inactive = [await rows.track("alice") for _ in range(3)]
    await rows.delete(deleted)
    await rows.take_down(taken_down)
    status = await status_of(client, uri=deleted)
    assert status["state"] == "deleted"
    assert "cid" not in status
    status = await status_of(client, uri=taken_down)
    assert (status["state"], status["reason"]) == ("hidden", "taken-down")
    await rows.hide("alice")
    status = await status_of(client, uri=inactive)
    assert (status["state"], status["reason"]) == ("hidden", "account-inactive: deactivated")
    never = await status_of(client, uri="at://did:plc:alice/fm.plyr.track/never")
    assert never == {"state": "not-indexed"}


async def test_an_account_has_a_status_too(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.insert("repo", did="did:plc:alice", state="synchronized", rev="3kaaaaaaaaa22")
    status = await status_of(client, did="did:plc:alice")
    assert (status["state"], status["rev"]) == ("shown", "3kaaaaaaaaa22")
    await rows.take_down("did:plc:alice")
    status = await status_of(client, did="did:plc:alice")
    assert (status["state"], status["reason"]) == ("hidden", "taken-down")
    assert await status_of(client, did="did:plc:nobody") == {"state": "not-indexed"}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"did": "did:plc:alice", "uri": "at://did:plc:alice/fm.plyr.track/x"},
        {"uri": "at://did:plc:alice"},
        {"uri": "at://did:plc:alice/fm.plyr.track"},
    ],
)
async def test_one_record_or_one_account_is_asked_about(
    client: Client, params: dict[str, str]
) -> None:
    assert await client.refusal("sync.getRecordStatus", **params) == "InvalidRequest"
