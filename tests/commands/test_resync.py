"""resync and fm.plyr.sync.requestRepo: what is asked for is walked, and its outcome seen."""

from __future__ import annotations

import httpx
import pytest

from tests.commands.terminal import command
from tests.network.http import status
from tests.network.makers import post, track
from tests.network.program import Program
from tests.network.story import Story
from tests.network.world import World
from tests.support import http_client, wait_until

MISSING = "did:plc:" + "z" * 24


async def request_repo(program: Program, did: str) -> httpx.Response:
    async with http_client(program.url) as client:
        return await client.post("/xrpc/fm.plyr.sync.requestRepo", json={"did": did})


async def test_resync_walks_a_repo_whose_rev_has_not_moved(story: Story) -> None:
    alice, _ = await story.known()
    asked = alice.times_asked("com.atproto.sync.getBlocks")
    await story.program.rows("delete from track where did = $1", alice.did)
    ended = await command(story.program, "resync", "--wait", "--json", alice.did)
    assert (ended.status, ended.err) == (0, "")
    assert ended.lines == [{"did": alice.did, "state": "synchronized", "rev": alice.repo.rev}]
    assert alice.times_asked("com.atproto.sync.getBlocks") > asked
    await story.holds()


async def test_resync_takes_a_handle_and_asks_for_status_and_handle_too(story: Story) -> None:
    alice, song = await story.known()
    await alice.become("deactivated", told=False)
    ended = await command(story.program, "resync", "--wait", alice.handle)
    assert ended.status == 0
    assert ended.out.startswith(f"{alice.did}: gone")
    assert "RepoDeactivated" in ended.out
    await story.hidden_after(song.uri)
    await alice.become("active", told=False)
    await alice.rename(f"new-{alice.handle}", told=False)
    ended = await command(story.program, "resync", alice.did)
    assert (ended.status, ended.out) == (0, "asked for 1 repo\n")
    await story.agrees()


async def test_resync_finds_what_nobody_told(story: Story) -> None:
    alice, _ = await story.known()
    with story.world.relay.losing():
        await alice.write(track("Unheard"))
    assert (await command(story.program, "resync", "--wait", alice.did)).status == 0
    await story.holds()


async def test_an_unknown_repo_is_tracked_if_it_holds_records_of_ours(story: Story) -> None:
    with story.world.relay.losing():
        alice = await story.person("unheard")
        await alice.write(track("Unheard"))
        bob = await story.world.person("bob")
        await bob.write(post())
    ended = await command(story.program, "resync", "--wait", "--json", alice.did, bob.did, MISSING)
    assert ended.status == 1
    outcomes = {line["did"]: line for line in ended.lines}
    assert outcomes[alice.did]["state"] == "synchronized"
    assert outcomes[bob.did] == {"did": bob.did, "state": "nothing-here"}
    assert outcomes[MISSING]["state"] == "failed"
    assert "DidNotFound" in outcomes[MISSING]["error"]
    await story.holds()
    known = await story.program.rows("select did from account union select did from repo")
    assert not {bob.did, MISSING} & {row["did"] for row in known}


async def test_where_blocks_are_not_served_an_unknown_repo_describes_itself(story: Story) -> None:
    pds = await story.world.another_pds()
    for method in ("getRecord", "getBlocks", "getLatestCommit"):
        pds.faults.on(f"com.atproto.sync.{method}", status(501, error="MethodNotImplemented"))
    with story.world.relay.losing():
        alice = await story.person("unheard", pds=pds)
        await alice.write(track("Unheard"))
        bob = await story.world.person("bob", pds=pds)
        await bob.write(post())
    ended = await command(story.program, "resync", "--wait", alice.did, bob.did)
    assert f"{alice.did}: synchronized at {alice.repo.rev}" in ended.out
    assert f"{bob.did}: nothing-here" in ended.out


async def test_resync_says_why_a_walk_failed_and_when_it_is_tried_again(story: Story) -> None:
    alice, _ = await story.known()
    alice.pds.faults.on("*", status(500, error="Broken"))
    ended = await command(story.program, "resync", "--wait", "--json", alice.did)
    alice.pds.faults.clear()
    [outcome] = ended.lines
    assert (ended.status, outcome["state"]) == (1, "failed")
    assert "Broken" in outcome["error"]
    assert outcome["retryAt"]
    ended = await command(story.program, "resync", "--wait", alice.did)
    assert (ended.status, ended.out) == (0, f"{alice.did}: synchronized at {alice.repo.rev}\n")


async def test_all_known_repos_can_be_asked_for_at_once(story: Story) -> None:
    people = [(await story.known(name))[0] for name in ("alice", "bob")]
    ended = await command(story.program, "resync", "--all", "--wait", "--json")
    assert ended.status in {0, 1}  # others before us may be gone or broken
    assert {person.did for person in people} <= {line["did"] for line in ended.lines}
    await story.holds()


@pytest.mark.parametrize("arguments", [(), ("--all", MISSING), ("not a name",), ("did:",)])
async def test_resync_asks_for_a_name_or_for_all(story: Story, arguments: tuple[str, ...]) -> None:
    ended = await command(story.program, "resync", *arguments)
    assert ended.status == 2
    assert "Usage:" in ended.err


async def test_a_handle_that_points_nowhere_is_said(story: Story) -> None:
    ended = await command(story.program, "resync", "nobody-at-all.test")
    assert (ended.status, ended.out) == (1, "")
    assert "nobody-at-all.test" in ended.err


async def test_without_an_indexer_the_request_waits_for_one(lonely_program: Program) -> None:
    world: World = lonely_program.world
    alice = await world.person()
    song = await alice.write(track())
    await lonely_program.start()

    async def is_shown() -> bool:
        return (await lonely_program.query("feed.getTrack", uri=song.uri)).status == 200

    await wait_until(is_shown)
    await lonely_program.terminate()
    with world.relay.losing():
        doomed = await alice.write(track("Doomed"))
    ended = await command(lonely_program, "resync", alice.did)
    assert ended.status == 0
    assert "no indexer is at work" in ended.err
    await lonely_program.start()

    async def is_found() -> bool:
        return (await lonely_program.query("feed.getTrack", uri=doomed.uri)).status == 200

    await wait_until(is_found)


async def test_request_repo_finds_what_nobody_told(story: Story) -> None:
    alice, _ = await story.known()
    with story.world.relay.losing():
        await alice.write(track("Unheard"))
    answer = await request_repo(story.program, alice.did)
    assert answer.status_code == 200
    assert answer.json()["state"] == "synchronized"
    await story.holds()
    assert (await request_repo(story.program, alice.did)).status_code == 429


async def test_request_repo_does_not_walk_what_has_not_moved(story: Story) -> None:
    alice, _ = await story.known()
    asked = alice.repo_requests()
    assert (await request_repo(story.program, alice.did)).status_code == 200

    async def is_done() -> bool:
        rows = await story.program.rows(
            "select outcome from repo_request where did = $1", alice.did
        )
        return bool(rows[0]["outcome"] == "walked")

    await wait_until(is_done)
    assert alice.repo_requests() == asked + 1
    await story.holds()


async def test_request_repo_takes_in_an_unknown_repo(story: Story) -> None:
    with story.world.relay.losing():
        alice = await story.person("unheard")
        await alice.write(track("Unheard"))
    assert (await request_repo(story.program, alice.did)).json() == {"state": "not-indexed"}
    await story.agrees()
