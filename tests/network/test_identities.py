"""Checklist 79-90: who somebody is, and who says so."""

from __future__ import annotations

import time

import pytest

from tests.network import http, scenes
from tests.network.makers import like, track
from tests.network.program import Json, Program
from tests.network.story import Stage, Story
from tests.support import wait_until


async def test_case_79_a_migration_causes_no_outage_and_keeps_the_chain(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    home = await story.world.another_pds()
    await alice.move_to(home)
    for _ in range(20):
        assert await story.is_shown(song.uri)
    await alice.write(track("From the new place"))
    await story.holds()
    assert alice.repo_requests() == 0


async def test_case_80_R21_a_handle_is_believed_when_both_sides_say_so(story: Story) -> None:
    alice, _ = await story.known()
    alice.say_identity("someone.else.test")
    await story.holds()


async def test_case_80_R21_a_handle_that_no_longer_points_back_is_invalid(story: Story) -> None:
    alice, _ = await story.known()
    del story.world.directory.handles[alice.handle]
    alice.say_identity(alice.handle)
    await story.holds(timeout_seconds=30)  # where no DNS answers, it is waited for
    answer = await story.query("actor.getProfile", actor=alice.did)
    assert answer.body["profile"]["handle"] == "handle.invalid"
    await alice.rename(alice.handle)
    await story.holds(timeout_seconds=30)  # where no DNS answers, it is waited for


async def test_case_80_R22_a_new_handle_shows_everywhere_and_is_an_address(story: Story) -> None:
    alice, song = await story.known()
    old = alice.handle
    await alice.rename("new-" + old)
    await story.holds()
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert answer.body["track"]["author"]["handle"] == "new-" + old
    answer = await story.query("feed.getActorTracks", actor=alice.handle.upper())
    assert len(answer.body["feed"]) == 1


async def test_R18_a_newcomers_name_is_proven_within_two_seconds(story: Story) -> None:
    took = []
    for _ in range(3):
        nina = await story.person("nina")
        written = await nina.write(track("My First"))
        begun = time.monotonic()
        await wait_until(lambda: is_by(story, written.uri, nina.handle))  # noqa: B023 - at once
        took.append(time.monotonic() - begun)
    assert min(took) < 2, took


async def is_by(story: Story, uri: str, handle: str) -> bool:
    answer = await story.query("feed.getTrack", uri=uri)
    return answer.status == 200 and answer.body["track"]["author"]["handle"] == handle


async def test_case_83_the_first_claim_that_is_a_handle_counts(story: Story) -> None:
    alice, _ = await story.known()
    alice.account.also_known_as = ["https://example.com", "at://-bad-", f"at://{alice.handle}"]
    alice.say_identity()
    await story.holds()
    alice.account.also_known_as = ["at://unproven.test", f"at://{alice.handle}"]
    alice.say_identity()
    await story.holds()


async def test_case_84_R22_a_handle_that_moves_leaves_its_first_owner_without(
    story: Story,
) -> None:
    alice, _ = await story.known()
    bob, _ = await story.known("bob")
    handle = alice.handle
    await bob.rename(handle)
    await story.holds([bob])
    alice.say_identity()
    await story.holds()
    answer = await story.query("actor.getProfile", actor=handle)
    assert answer.body["profile"]["did"] == bob.did


async def test_case_85_a_document_about_someone_else_is_rejected(story: Story) -> None:
    alice = await story.person("alice")
    alice.account.document = {"id": "did:plc:" + "b" * 24}
    written = await alice.write(track("Whose?"))
    await story.passes()
    assert not await story.is_shown(written.uri)
    bob, _ = await story.known_beside(alice)
    await story.holds([bob])


async def test_case_86_commits_of_an_account_without_a_key_are_ignored(story: Story) -> None:
    alice = await story.person("alice")
    alice.account.document = {"verificationMethod": []}
    written = await alice.write(track("Unsigned, in effect"))
    await story.passes()
    assert not await story.is_shown(written.uri)
    bob, _ = await story.known_beside(alice)
    await story.holds([bob])


@pytest.mark.parametrize("broken", [{"verificationMethod": []}, {"id": "did:plc:" + "b" * 24}])
async def test_cases_85_86_a_document_that_was_mended_is_read_when_an_event_says_so(
    story: Story, broken: Json
) -> None:
    alice = await story.person("alice")
    alice.account.document = broken
    await alice.write(track("Not proven"))
    await story.passes()
    alice.account.document = {}
    alice.say_identity()
    await alice.write(track("Proven"))
    await story.holds()


async def test_case_87_an_account_without_a_handle_is_indexed(story: Story) -> None:
    alice = await story.person("alice")
    alice.account.also_known_as = []
    await alice.write(track("Anonymous"))
    await story.holds()
    answer = await story.query("actor.getProfile", actor="handle.invalid")
    assert answer.status == 400


async def test_case_88_a_did_that_nobody_registered_is_not_believed(story: Story) -> None:
    alice = await story.person("alice")
    del story.world.directory.accounts[alice.did]
    written = await alice.write(track("From nowhere"))
    await story.passes()
    assert not await story.is_shown(written.uri)


async def test_case_88_a_tombstoned_did_is_a_deleted_account(story: Story) -> None:
    alice, song = await story.known()
    story.world.directory.tombstoned.add(alice.did)
    alice.say_identity()
    await story.hidden_after(song.uri)
    alice.account.status = "deleted"
    await story.holds()


async def test_case_88_a_directory_that_fails_is_asked_again(story: Story) -> None:
    alice = await story.person("alice")
    story.world.directory.faults.on(alice.did, http.status(500), times=3)
    await alice.write(track("Eventually"))
    await alice.write(track("In order"))
    await story.holds_in_the_end()


async def test_case_88_a_directory_that_does_not_answer_stops_nobody_else(story: Story) -> None:
    alice = await story.person("alice")
    story.world.directory.faults.on(alice.did, http.slow(6))
    await alice.write(track("Later"))
    bob = await story.person("bob")
    assert await story.seconds_until_shown(await bob.write(track("Not delayed"))) < 4.5
    story.world.directory.faults.clear()
    await story.holds_in_the_end()


async def test_did_web_people_are_as_good_as_any(story: Story) -> None:
    wanda = await story.person("wanda", web=True)
    song = await wanda.write(track("On my own server"))
    await wanda.write(like(song))
    await story.holds()


async def test_a_legacy_document_of_2023_is_read(story: Story) -> None:
    alice = await story.person("alice")
    key = alice.account.key
    alice.account.document = {
        "verificationMethod": [
            {
                "id": "#atproto",
                "type": "EcdsaSecp256k1VerificationKey2019",
                "controller": alice.did,
                "publicKeyMultibase": key.legacy_multibase,
            }
        ]
    }
    await alice.write(track("As in 2023"))
    await story.holds()


LOOPBACK = (
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "127.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
)


async def test_case_89_R33_private_addresses_are_never_connected(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    lonely_program.settings = {"PLYR_ALLOW_PRIVATE_ADDRESSES": "off"}
    trap = await world.another_pds()
    story = Story(await Stage.start(world, lonely_program))
    for host in LOOPBACK:
        person = await story.person("trapped", pds=trap)
        endpoint = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": f"http://{host}:{trap.port}",
        }
        person.account.document = {"service": [endpoint]}
        await person.write(track("A trap"))
        with world.relay.losing():
            await person.write(track("Unheard"))
        await person.write(like(person.uri("fm.plyr.track/x")))
        await person.sync()
        person.say_account(active=False, status="deactivated")
    await story.person("webtrap", pds=trap)
    await story.passes()
    await wait_until(lambda: len(world.relay.asked) > 0)
    await lonely_program.hurry()
    await story.passes()
    assert trap.asked == []
    assert lonely_program.is_running


async def test_case_90_R21_a_thousand_identity_events_cost_few_questions(story: Story) -> None:
    alice, _ = await story.known()
    before = story.world.directory.times_asked(alice.did)
    for _ in range(1000):
        alice.say_identity()
    await story.passes()
    await story.holds()
    assert story.world.directory.times_asked(alice.did) - before <= 5
