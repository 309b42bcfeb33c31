"""takedown and restore beside a running program: at once, and nothing upstream undoes them."""

from __future__ import annotations

import pytest

from lexicons.cid import cid_text, raw_cid
from tests.commands.terminal import Ended, command
from tests.network import scenes
from tests.network.makers import like, track
from tests.network.story import Story
from tests.support import wait_until

NOTHING = cid_text(raw_cid(b"no such blob"))


async def moderate(story: Story, *words: str) -> Ended:
    ended = await command(story.program, *words)
    assert ended.status == 0, ended.err
    return ended


async def is_shown(story: Story, did: str) -> bool:
    return (await story.query("actor.getProfile", actor=did)).status == 200


async def test_a_taken_down_account_is_gone_at_once_and_its_counts_follow(story: Story) -> None:
    _, bob, song = await scenes.entangled(story)
    likes = await story.likes_of(song.uri)
    ended = await moderate(story, "takedown", bob.handle, "--reason", "spam", "--by", "carol")
    assert ended.out == f"taken down: {bob.did}\n"
    assert not await is_shown(story, bob.did)

    async def uncounted() -> bool:
        return await story.likes_of(song.uri) == likes - 1

    await wait_until(uncounted)
    trail = await story.program.rows(
        "select actor, act, reason from local.action where subject = $1", bob.did
    )
    assert [tuple(row) for row in trail] == [("carol", "takedown", "spam")]
    await moderate(story, "restore", f"at://{bob.did}")
    assert await is_shown(story, bob.did)
    await story.holds()


async def test_a_domain_takes_down_nobody_that_it_only_points_at(story: Story) -> None:
    _, bob, _ = await scenes.entangled(story)
    story.world.directory.handles["claimed-by-nobody.test"] = bob.did
    ended = await command(story.program, "takedown", "claimed-by-nobody.test")
    assert ended.status == 1
    assert "does not claim it" in ended.err
    assert await is_shown(story, bob.did)


async def test_nothing_that_upstream_says_undoes_a_takedown(story: Story) -> None:
    alice, _, _ = await scenes.entangled(story)
    await moderate(story, "takedown", alice.did)
    for status in ("deactivated", "active"):
        await alice.become(status)
        await story.passes()
    later = await alice.write(track("Written while hidden"))
    await alice.sync()
    assert (await command(story.program, "resync", "--wait", alice.did)).status == 0
    await story.passes()
    assert not await is_shown(story, alice.did)
    await story.program.restart()
    latest = await alice.write(track("Written after a restart"))
    await story.passes()
    assert not await is_shown(story, alice.did)
    await moderate(story, "restore", alice.did)
    for written in (later, latest):
        assert (await story.query("feed.getTrack", uri=written.uri)).status == 200
    await story.holds()


async def test_a_restored_account_is_shown_only_if_upstream_allows(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    await moderate(story, "takedown", alice.did)
    await alice.become("deactivated")
    await story.passes()
    await moderate(story, "restore", alice.did)
    missing = (await story.query("feed.getTracks", uris=[song.uri])).body["missing"]
    assert missing == [{"uri": song.uri, "reason": "account-inactive"}]
    await alice.become("active")
    await story.holds()


async def test_a_taken_down_like_is_out_of_the_count_until_it_is_restored(story: Story) -> None:
    _, song = await story.known()
    bob = await story.person("bob")
    written = await bob.write(like(song))
    await story.holds()
    assert await story.likes_of(song.uri) == 1
    await moderate(story, "takedown", f"at://{bob.handle}/{written.path}")
    assert await story.likes_of(song.uri) == 0
    await bob.delete(written)
    await bob.write(like(song), rkey=written.path.split("/")[1])
    await story.passes()
    assert await story.likes_of(song.uri) == 0
    await moderate(story, "restore", written.uri)
    assert await story.likes_of(song.uri) == 1
    await story.holds()


async def test_a_blob_is_named_by_its_account_and_its_cid(story: Story) -> None:
    alice, _ = await story.known()
    ended = await moderate(story, "takedown", alice.handle, NOTHING)
    assert ended.out == f"taken down: {alice.did}/{NOTHING}\n"
    ended = await moderate(story, "takedown", f"{alice.did}/{NOTHING}")
    assert ended.out == f"was taken down already: {alice.did}/{NOTHING}\n"
    await moderate(story, "restore", alice.did, NOTHING)
    await story.holds()


async def test_what_is_not_there_yet_is_hidden_when_it_comes(story: Story) -> None:
    alice = await story.person()
    ended = await moderate(story, "takedown", alice.did)
    assert "not indexed here" in ended.err
    await alice.write(track())
    await story.passes()
    assert not await is_shown(story, alice.did)
    await moderate(story, "restore", alice.did)
    await story.holds()


async def test_restoring_what_is_not_taken_down_is_said(story: Story) -> None:
    _, song = await story.known()
    ended = await command(story.program, "restore", song.uri)
    assert (ended.status, ended.out) == (1, "")
    assert f"{song.uri} is not taken down" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("did:",),
        ("did:plc:x", "not-a-cid"),
        ("did:plc:x", NOTHING, "x"),
        ("at://did:plc:x/a.b.c",),
    ],
)
async def test_what_names_nothing_is_refused(story: Story, words: tuple[str, ...]) -> None:
    ended = await command(story.program, "takedown", *words)
    assert ended.status == 2
    assert "Usage:" in ended.err
