"""Accounts by DID or handle."""

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows


async def test_a_profile_counts_what_the_account_did(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.bsky_profile("alice")
    await rows.profile("alice", bio="I play")
    track = await rows.track("alice")
    await rows.list("alice")
    await rows.like("alice", track)
    profile = (await client.ask("actor.getProfile", actor="alice.test"))["profile"]
    assert profile == {
        "did": "did:plc:alice",
        "handle": "alice.test",
        "displayName": "Alice",
        "bio": "I play",
        "trackCount": 1,
        "listCount": 1,
        "likesGiven": 1,
        "likesReceived": 1,
        "createdAt": "2026-01-01T00:00:00Z",
        "indexedAt": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("actor", ["did:plc:alice", "alice.test", "ALICE.Test"])
async def test_an_account_is_found_by_did_and_handle(
    client: Client, rows: Rows, actor: str
) -> None:
    await rows.account("alice")
    profile = (await client.ask("actor.getProfile", actor=actor))["profile"]
    assert profile["did"] == "did:plc:alice"
    assert (await client.ask("feed.getActorTracks", actor=actor))["feed"] == []


@pytest.mark.parametrize("actor", ["did:plc:nobody", "nobody.test"])
async def test_an_unknown_account_is_not_found(client: Client, rows: Rows, actor: str) -> None:
    await rows.account("alice")
    assert await client.refusal("actor.getProfile", actor=actor) == "ActorNotFound"
    for method in ("feed.getActorTracks", "feed.getActorLikes", "library.getActorLists"):
        assert await client.refusal(method, actor=actor) == "InvalidRequest"


@pytest.mark.parametrize("actor", ["handle.invalid", "Handle.Invalid"])
async def test_nobody_is_called_handle_invalid(client: Client, rows: Rows, actor: str) -> None:
    await rows.account("alice", handle=None)
    assert await client.refusal("actor.getProfile", actor=actor) == "InvalidRequest"
    answer = await client.ask("actor.getProfiles", actors=[actor])
    assert answer["profiles"] == []


async def test_R22_a_handle_that_moved_names_its_new_owner(client: Client, rows: Rows) -> None:
    await rows.account("alice", handle=None)
    await rows.account("bob", handle="alice.test")
    assert (await client.ask("actor.getProfile", actor="alice.test"))["profile"]["did"] == (
        "did:plc:bob"
    )
    by_did = (await client.ask("actor.getProfile", actor="did:plc:alice"))["profile"]
    assert by_did["handle"] == "handle.invalid"


async def test_profiles_keep_the_order_asked_for_and_name_who_is_missing(
    client: Client, rows: Rows
) -> None:
    for name in ("alice", "bob", "carol"):
        await rows.account(name)
    await rows.hide("carol")
    answer = await client.ask(
        "actor.getProfiles",
        actors=[
            "bob.test",
            "carol.test",
            "did:plc:nobody",
            "alice.test",
            "nobody.test",
            "BOB.test",
        ],
    )
    assert [profile["handle"] for profile in answer["profiles"]] == ["bob.test", "alice.test"]
    assert answer["missing"] == [
        {"uri": "at://did:plc:carol", "reason": "account-inactive"},
        {"uri": "at://did:plc:nobody", "reason": "not-indexed"},
        {"uri": "at://nobody.test", "reason": "not-indexed"},
    ]
