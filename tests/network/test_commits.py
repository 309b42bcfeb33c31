"""Checklist 15-53: what a commit must be, told by the live program's answers."""

from __future__ import annotations

import pytest

from tests.network import lies
from tests.network.encoding import tid, tid_micros
from tests.network.keys import Curve
from tests.network.makers import comment, like, playlist, post, profile, track
from tests.network.repo import CommitEvent, Write
from tests.network.story import Story
from tests.support import wait_until


async def test_case_15_a_track_is_visible_within_a_second(story: Story) -> None:
    alice, _ = await story.known()
    took = []
    for number in range(3):
        written = await alice.write(track(f"Take {number}"))
        took.append(await story.seconds_until_shown(written))
        assert (await story.record_status(written.uri))["rev"] == written.rev
    assert min(took) < 1, took
    await story.holds()


async def test_case_15_R18_a_newcomers_first_track_is_visible_within_a_second(
    story: Story,
) -> None:
    took = []
    for _ in range(3):
        newcomer = await story.person("nina")
        written = await newcomer.write(track("My First"))
        took.append(await story.seconds_until_shown(written))
    assert min(took) < 1, took
    await story.holds()


async def test_case_16_an_update_replaces_all_and_keeps_the_counts(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    await bob.write(comment(song))
    edited = await alice.update(song, track("Second thoughts", album=None, duration=None))
    assert edited.cid != song.cid
    await story.holds()


async def test_case_17_a_deleted_track_is_as_if_it_had_never_been(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    await bob.write(comment(song))
    await bob.write(playlist([song]))
    await story.holds()
    await alice.delete(song)
    await story.holds()
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert (answer.status, answer.error) == (400, "TrackNotFound")


async def test_case_18_a_commit_shows_all_of_its_records_or_none(story: Story) -> None:
    alice, _ = await story.known()
    writes = [alice.creating(track(f"Movement {number}")) for number in range(3)]
    uris = [alice.uri(write.path) for write in writes]
    await alice.commit(writes)
    seen: set[int] = set()

    async def complete() -> bool:
        answer = await story.query("feed.getTracks", uris=uris)
        seen.add(len(answer.body["tracks"]))
        return 3 in seen

    await wait_until(complete)
    assert seen <= {0, 3}
    await story.holds()


async def test_case_19_commits_about_other_things_keep_the_chain(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    for _ in range(3):
        await alice.write(post())
    await alice.write(track("After the posts"))
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_20_an_empty_commit_advances_the_rev(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.commit()
    await story.holds()
    await alice.write(track("And on"))
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_22_a_key_rotated_a_moment_ago_is_looked_up(story: Story) -> None:
    alice, _ = await story.known()
    await alice.rotate_key(told=False)
    await alice.write(track("With the new key"))
    await story.holds()


@pytest.mark.parametrize("curve", ["k256", "p256"])
async def test_case_25_both_curves_are_accepted(story: Story, curve: Curve) -> None:
    alice, song = await story.known(curve=curve)
    await alice.update(song, track("Signed with either"))
    await story.holds()


async def test_case_31_an_op_that_differs_from_the_tree_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("What I said"), told=lies.wrong_op_cid)
    await story.holds()
    assert alice.repo_requests() > fetched


async def test_case_32_a_hidden_op_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    writes = [alice.creating(track(f"Side {side}")) for side in "AB"]
    await alice.commit(writes, told=lies.hidden_op)
    await story.holds()


async def test_case_32_a_hidden_delete_calls_for_a_resync(story: Story) -> None:
    alice, song = await story.known()
    writes = [alice.creating(track("Instead")), Write("delete", song.path)]
    await alice.commit(writes, told=lies.hidden_op)
    await story.holds()


async def test_a_commit_that_leaves_out_its_proof_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    await alice.commit([alice.creating(track(f"Etude {number}")) for number in range(60)])
    await alice.write(track("Without proof"), told=lies.without_proof)
    await story.holds()


async def test_a_commit_that_leaves_out_its_record_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    await alice.write(track("Where is it?"), told=lies.without_record)
    await story.holds()


async def test_an_update_with_a_wrong_prev_calls_for_a_resync(story: Story) -> None:
    alice, song = await story.known()
    await alice.update(song, track("From what?"), told=lies.wrong_prev)
    await story.holds()


async def test_case_37_38_R1_R5_R6_old_commits_told_again_change_nothing(story: Story) -> None:
    alice, song = await story.known()
    told: list[CommitEvent] = []

    def noting(event: CommitEvent) -> CommitEvent:
        told.append(event)
        return event

    first = await alice.write(track("To be deleted"), told=noting)
    await alice.update(song, track("Second version"), told=noting)
    await alice.delete(first, told=noting)
    await alice.update(song, track("Third version"), told=noting)
    await story.holds()
    fetched = alice.repo_requests()
    for event in (told[-1], *told):
        story.world.relay.tell(event)
    await story.holds()
    assert alice.repo_requests() == fetched


@pytest.mark.parametrize("record", ["like", "comment", "list", "profile"])
async def test_R2_R7_R8_old_commits_of_every_kind_change_nothing(story: Story, record: str) -> None:
    alice, song = await story.known()
    value = {
        "like": like(song),
        "comment": comment(song),
        "list": playlist([song]),
        "profile": profile("first"),
    }[record]
    told: list[CommitEvent] = []

    def noting(event: CommitEvent) -> CommitEvent:
        told.append(event)
        return event

    written = await alice.write(value, told=noting)
    written = await alice.update(written, {**value, "createdAt": "2025-01-01T00:00:00Z"})
    await alice.delete(written, told=noting)
    await story.holds()
    for event in told:
        story.world.relay.tell(event)
    await story.holds()


async def test_R5_a_record_created_anew_at_its_old_place_lives(story: Story) -> None:
    alice, song = await story.known()
    await alice.delete(song)
    await story.holds()
    await alice.write(track("Risen"), rkey=song.rkey)
    await story.holds()


async def test_case_39_a_rev_six_minutes_ahead_is_refused(story: Story) -> None:
    alice, _ = await story.known()
    fork = alice.repo.fork()
    event = fork.commit([alice.creating(track("Tomorrow"))], rev=story.world.clock.next(360))
    story.world.relay.tell(event)
    await story.passes()
    assert await story.stores_nothing_of(event)
    await alice.write(track("Today"))
    await story.holds()


async def test_case_39_a_rev_four_minutes_ahead_is_accepted(story: Story) -> None:
    alice, _ = await story.known()
    await alice.commit([alice.creating(track("Fast clock"))], rev=story.world.clock.next(240))
    await alice.write(track("And after it"))
    await story.holds()


async def test_case_40_another_prev_data_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("From another tree"), told=lies.other_prev_data)
    await story.holds()
    assert alice.repo_requests() > fetched


async def test_case_40_a_lost_commit_is_noticed_by_the_next(story: Story) -> None:
    alice, song = await story.known()
    with story.world.relay.losing():
        await alice.write(track("Never heard of"))
        await alice.delete(song)
    await alice.write(track("Heard of"))
    await story.holds()


async def test_case_41_another_since_calls_for_a_resync(story: Story) -> None:
    alice, _ = await story.known()
    before = tid(tid_micros(alice.repo.rev or "") - 1_000_000)
    fetched = alice.repo_requests()
    await alice.write(track("Since when?"), told=lambda event: event.saying(since=before))
    await story.holds()
    assert alice.repo_requests() > fetched


async def test_case_42_a_commit_of_before_sync_1_1_ends_well(story: Story) -> None:
    alice, song = await story.known()
    await alice.update(song, track("As in 2024"), told=lies.no_prev_data)
    await story.holds()
    await alice.delete(song, told=lies.no_prev_data)
    await story.holds()


async def test_case_42_an_op_left_out_beside_one_without_prev_is_found(story: Story) -> None:
    """Its prevData and its since are right: they are no proof of what the list leaves out."""
    alice, song = await story.known()
    writes = [Write("update", song.path, track("Told")), alice.creating(track("Left out"))]
    await alice.commit(writes, told=lambda event: lies.no_prev(lies.hidden_op(event)))
    await story.holds()


async def test_case_43_flags_of_old_mean_nothing(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("With old flags"), told=lies.old_flags)
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_44_a_first_commit_starts_from_the_empty_tree(story: Story) -> None:
    alice = await story.person("alice", greeted=False)
    written = await alice.write(track("At once"))
    await story.seconds_until_shown(written)
    await story.holds()
    assert alice.repo.rev == written.rev


async def test_case_45_a_commit_of_an_inactive_account_waits_for_its_return(story: Story) -> None:
    alice, _ = await story.known()
    await alice.become("deactivated")
    await story.holds()
    await alice.write(track("Behind closed doors"))
    await story.holds()
    await alice.become("active")
    await story.holds()


async def test_case_49_blocks_in_any_order_twice_and_unasked_are_accepted(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("Shuffled"), told=lies.shuffled)
    await alice.write(track("Two roots"), told=lies.two_roots)
    await alice.write(track("Fields to come"), told=lies.unknown_fields)
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_a_signed_field_that_nobody_knows_yet_is_part_of_what_is_signed(
    story: Story,
) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("Zebra"), told=lies.extra_signed_field)
    await story.passes()
    answer = await story.query("feed.getActorTracks", actor=alice.did)
    assert "Zebra" in [item["track"]["title"] for item in answer.body["feed"]]
    assert alice.repo_requests() == fetched
