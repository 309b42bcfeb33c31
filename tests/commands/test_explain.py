"""explain: the reason why something is not shown, and what else somebody may wonder about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.commands.terminal import command
from tests.network.http import NOWHERE, status
from tests.network.makers import comment, like, playlist, track
from tests.network.scenes import silently_changed
from tests.network.story import Story

Json = dict[str, Any]
MISSING = "did:plc:" + "z" * 24


@dataclass(frozen=True, slots=True)
class Explained:
    status: int
    answer: Json

    @property
    def reasons(self) -> list[str]:
        reasons: list[str] = self.answer["reasons"]
        assert self.answer["shown"] is not bool(reasons)
        assert self.status == int(bool(reasons))
        return reasons

    def says(self, *words: str, topic: str | None = None) -> bool:
        """Whether one fact has all these words."""
        return any(
            all(word in fact["text"] for word in words) and topic in {None, fact["topic"]}
            for fact in self.answer["facts"]
        )

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys(fact["topic"] for fact in self.answer["facts"]))

    @property
    def noted(self) -> set[str]:
        return {fact["topic"] for fact in self.answer["facts"] if fact["weight"] != "fine"}


async def explained(story: Story, target: str, *options: str) -> Explained:
    ended = await command(story.program, "explain", "--json", *options, target)
    assert ended.out, ended.err
    return Explained(ended.status, ended.lines[0])


async def test_a_shown_record_is_explained_in_order(story: Story) -> None:
    alice, song = await story.known()
    found = await explained(story, song.uri)
    assert (found.reasons, found.noted) == ([], {"sound"})  # its URL is a stranger's
    assert found.topics == ["identity", "handle", "status", "repo", "record", "sound"]
    assert found.says(alice.handle, "proven both ways")
    assert found.says("complete up to", song.rev)
    assert found.says("valid", song.rev, topic="record")
    assert found.says(song.cid)
    by_handle = await explained(story, song.uri.replace(alice.did, alice.handle))
    assert by_handle.answer == found.answer


async def test_an_account_is_explained_with_what_it_has(story: Story) -> None:
    alice, _ = await story.known()
    broken = await alice.write({**track("x"), "title": 7}, valid=False)
    await story.holds()
    found = await explained(story, alice.handle)
    assert found.reasons == []
    assert found.says("1 valid fm.plyr.track")
    assert found.says("1 invalid fm.plyr.track")
    assert found.says(broken.rkey, "title", topic="quarantine")


async def test_it_reads_well_on_a_terminal(story: Story) -> None:
    alice, song = await story.known()
    ended = await command(story.program, "explain", song.uri)
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[:3] == [song.uri, "shown", ""]
    assert f"  handle      {alice.handle}, proven both ways" in lines
    await alice.delete(song)
    await story.holds()
    ended = await command(story.program, "explain", song.uri)
    assert ended.status == 1
    assert ended.out.splitlines()[1].startswith("not shown: deleted by the commit")
    assert "\n! record      deleted by" in ended.out


async def test_a_record_that_breaks_its_lexicon_says_where(story: Story) -> None:
    alice, _ = await story.known()
    broken = await alice.write({**track("x"), "title": 7}, valid=False)
    await story.holds()
    [why] = (await explained(story, broken.uri)).reasons
    assert why.startswith("quarantined: invalid-record: title")


async def test_a_deleted_record_and_one_that_never_was_differ(story: Story) -> None:
    alice, song = await story.known()
    await alice.delete(song)
    await story.holds()
    [why] = (await explained(story, song.uri)).reasons
    assert why.startswith(f"deleted by the commit {alice.repo.rev}")
    never = await explained(story, f"at://{alice.did}/fm.plyr.track/3kaaaaaaaaa22")
    [why] = never.reasons
    assert why == f"its repo, complete up to {alice.repo.rev}, holds no such record"


async def test_a_key_in_another_collection_is_hinted_at(story: Story) -> None:
    _, song = await story.known()
    found = await explained(story, song.uri.replace("fm.plyr.track", "fm.plyr.list"))
    assert found.reasons
    assert found.says("the same key stands in fm.plyr.track")


@pytest.mark.parametrize(
    ("collection", "why", "hint"),
    [
        ("fm.plyr.dev.track", "not of the namespace fm.plyr", None),
        ("fm.plyr.trak", "fm.plyr.trak is not read here", "did you mean fm.plyr.track?"),
        ("com.example.nothing", "com.example.nothing is not read here", None),
    ],
)
async def test_a_collection_that_is_not_read_is_a_reason(
    story: Story, collection: str, why: str, hint: str | None
) -> None:
    alice, _ = await story.known()
    found = await explained(story, f"at://{alice.did}/{collection}/3kaaaaaaaaa22")
    assert why in found.reasons[0]
    assert hint is None or found.says(hint)


async def test_an_inactive_account_hides_what_it_wrote(story: Story) -> None:
    alice, song = await story.known()
    await alice.become("deactivated")
    await story.hidden_after(song.uri)
    found = await explained(story, song.uri)
    assert found.reasons == ["its host says that it is deactivated"]
    assert found.says("valid", topic="record")
    assert (await explained(story, alice.did)).reasons == found.reasons


async def test_takedowns_say_what_they_hide_and_why(story: Story) -> None:
    alice, song = await story.known()
    other = await alice.write(track("Other"))
    await story.holds()
    await command(story.program, "takedown", song.uri, "--reason", "stolen")
    [why] = (await explained(story, song.uri)).reasons
    assert why.startswith("taken down here")
    assert why.endswith(": stolen")
    assert (await explained(story, other.uri)).reasons == []
    await command(story.program, "takedown", alice.did)
    assert (await explained(story, other.uri)).reasons[0].startswith("taken down here")


async def test_a_label_that_hides_says_whose_it_is(story: Story) -> None:
    alice, song = await story.known()
    for subject in (song.uri, alice.did):
        await story.program.rows(
            "insert into local.takedown (subject, labeler, reason) values ($1, $2, '!hide')",
            subject,
            MISSING,
        )
    for target, many in ((song.uri, 2), (alice.did, 1)):
        whys = (await explained(story, target)).reasons
        assert len(whys) == many
        assert all(why.endswith(f"by {MISSING}, who labels it !hide") for why in whys)


async def test_why_a_like_does_not_count(story: Story) -> None:
    _, song = await story.known()
    bob = await story.person("bob")
    first, second = await bob.write(like(song)), await bob.write(like(song))
    nowhere = await bob.write(like("at://did:plc:nobody/fm.plyr.track/x"))
    await story.holds()
    assert (await explained(story, first.uri)).says(f"it counts for {song.uri}")
    found = await explained(story, second.uri)
    assert found.reasons == []
    assert found.says("does not count", song.uri, f"{first.uri} does already")
    assert (await explained(story, song.uri)).says("1 like beside another of its account")
    found = await explained(story, nowhere.uri)
    assert found.says("at://did:plc:nobody/fm.plyr.track/x is not indexed", topic="subject")
    await bob.become("deactivated")
    await story.holds()
    assert (await explained(story, first.uri)).says("does not count", "account is not active")
    assert (await explained(story, song.uri)).says("2 likes of hidden accounts do not count")


async def test_what_a_comment_or_list_is_about_may_be_gone(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    said, collected = await bob.write(comment(song)), await bob.write(playlist([song]))
    await alice.delete(song)
    await story.holds()
    for written in (said, collected):
        found = await explained(story, written.uri)
        assert found.reasons == []
        assert found.says(f"{song.uri} is deleted", topic="subject")


async def test_a_track_whose_sound_cannot_be_played_says_so(story: Story) -> None:
    alice, _ = await story.known()
    elsewhere = await alice.write(track(audioUrl="https://elsewhere.test/a.mp3"))
    gated = await alice.write(track(supportGate={"type": "any"}))
    await story.holds()
    found = await explained(story, elsewhere.uri)
    assert found.reasons == []
    assert found.says("elsewhere.test", "PLYR_TRUSTED_MEDIA_HOSTS", topic="sound")
    assert (await explained(story, gated.uri)).says("gated (any)", topic="sound")


async def test_a_repo_that_cannot_be_walked_says_why_and_when_again(story: Story) -> None:
    alice, _ = await story.known()
    alice.pds.faults.on("*", status(500, error="Broken"))
    await command(story.program, "resync", "--wait", alice.did)
    found = await explained(story, alice.did)
    alice.pds.faults.clear()
    assert found.reasons == []
    assert found.says("a walk is due at", "Broken", "1 failed attempt", topic="repo")


async def test_commits_that_wait_are_counted_with_their_reason(story: Story) -> None:
    alice, _ = await story.known()
    await alice.become("deactivated")
    await story.holds()
    await alice.write(track("Waits"))
    await story.passes()
    found = await explained(story, alice.did)
    assert found.says("account inactive", topic="queue")
    assert found.says("its commits wait", topic="repo")


async def test_nobody_knows_a_stranger(story: Story) -> None:
    found = await explained(story, MISSING)
    assert found.reasons == [f"{MISSING} is not known here: no record of ours came from it"]
    assert found.says("plyr-appview resync")
    found = await explained(story, "nobody-at-all.test")
    assert "nobody here has proven nobody-at-all.test" in found.reasons[0]
    found = await explained(story, "did:example:alice")
    assert "neither a did:plc nor a did:web" in found.reasons[0]


async def test_asking_tells_what_the_network_says_now(story: Story) -> None:
    alice, song = await story.known()
    found = await explained(story, song.uri, "--ask")
    assert found.says("the index agrees", topic="asked")
    assert found.says(f"holds the record as {song.cid}")
    with story.world.relay.losing():
        await silently_changed(alice, song)
    found = await explained(story, song.uri, "--ask")
    assert found.says(alice.repo.rev or "", topic="asked")
    assert found.says(song.uri, "other", song.cid, topic="differs")
    assert not found.says("playlist")


async def test_asking_finds_strangers_by_their_handles(story: Story) -> None:
    with story.world.relay.losing():
        alice = await story.person("unheard")
        song = await alice.write(track("Unheard"))
    found = await explained(story, alice.handle, "--ask")
    assert found.answer["target"] == alice.did
    assert found.says("not known here")
    assert found.says("untracked", topic="differs")
    found = await explained(story, song.uri, "--ask")
    assert found.says(f"its repo holds the record as {song.cid}")


async def test_asking_somebody_who_does_not_answer_is_no_reason(story: Story) -> None:
    alice, song = await story.known()
    alice.account.document = {
        "service": [
            {
                "id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": NOWHERE,
            }
        ]
    }
    found = await explained(story, song.uri, "--ask")
    assert found.reasons == []
    assert found.says("Unreachable", topic="asked")
    assert not found.says("the index agrees")


@pytest.mark.parametrize("target", ["at://", "not a name", "at://x/y/z/", "did:"])
async def test_what_cannot_be_explained_is_refused(story: Story, target: str) -> None:
    ended = await command(story.program, "explain", target)
    assert (ended.status, ended.out) == (2, "")
    assert "Usage:" in ended.err
