"""Checklist 54-71: #sync, walks of whole repositories, and finding them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from tests.network import http, scenes
from tests.network.encoding import TidClock
from tests.network.keys import SigningKey
from tests.network.makers import track
from tests.network.program import Program
from tests.network.repo import Repo, Write
from tests.network.story import Stage, Story
from tests.network.world import Person, Written, untold
from tests.support import wait_until

GET_REPO = "com.atproto.sync.getRepo"
GET_BLOCKS = "com.atproto.sync.getBlocks"
GET_RECORD = "com.atproto.sync.getRecord"


@contextmanager
def without_get_blocks(story: Story) -> Iterator[None]:
    """PDSes that give out whole repositories only."""
    for pds in story.world.pdses:
        for method in (GET_RECORD, GET_BLOCKS):
            pds.faults.on(method, http.status(501, error="MethodNotImplemented"))
    yield
    for pds in story.world.pdses:
        pds.faults.clear()


async def test_case_54_a_sync_with_other_data_brings_creates_updates_and_deletes(
    story: Story,
) -> None:
    alice, song = await story.known()
    gone = await alice.write(track("To vanish"))
    await story.holds()
    await scenes.silently_changed(alice, song)
    with story.world.relay.losing():
        await alice.delete(gone)
    await alice.sync()
    await story.holds()


async def test_case_55_a_sync_with_the_same_data_fetches_nothing(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.commit(told=untold)
    await alice.sync()
    await story.holds()
    await alice.write(track("Chained to that rev"))
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_56_an_old_sync_is_ignored(story: Story) -> None:
    alice, song = await story.known()
    old = alice.repo.sync()
    await alice.update(song, track("Newer"))
    await story.holds()
    fetched = alice.repo_requests()
    story.world.relay.tell(old)
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_57_a_sync_signed_by_someone_else_is_ignored(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    fork = alice.repo.fork()
    fork.key = SigningKey()
    fork.commit([alice.creating(track("A stranger's"))])
    story.world.relay.tell(fork.sync())
    await story.passes()
    assert alice.repo_requests() == fetched
    await story.holds()


@asynccontextmanager
async def being_walked(person: Person, song: Written) -> AsyncIterator[None]:
    """By a walk that goes on after the block."""
    answering = asyncio.Event()
    person.pds.faults.on(GET_BLOCKS, http.held(answering))
    person.pds.faults.on(GET_REPO, http.held(answering))
    await scenes.silently_changed(person, song)
    fetched = person.repo_requests()
    await person.sync()
    await wait_until(lambda: person.repo_requests() > fetched)
    yield
    answering.set()


async def test_case_58_commits_during_a_resync_wait_and_survive_a_crash(story: Story) -> None:
    alice, song = await story.known()
    async with being_walked(alice, song):
        late = await alice.write(track("During the walk"))
        await alice.delete(song)
        await alice.write(track("And another"))
        await story.passes()
        await story.program.kill()
    alice.pds.faults.clear()
    await story.program.start()
    await story.holds()
    await alice.update(late, track("Still in order"))
    await story.holds()


async def test_case_58_commits_during_a_resync_are_applied_after_it(story: Story) -> None:
    alice, song = await story.known()
    async with being_walked(alice, song):
        for number in range(5):
            await alice.write(track(f"During the walk {number}"))
        await alice.delete(song)
        await story.passes()
    await story.holds()


async def test_case_59_a_whole_repository_is_fetched_by_way_of_the_relay(story: Story) -> None:
    alice, song = await story.known()
    relayed = sum(asked.name == GET_REPO for asked in story.world.relay.asked)
    with without_get_blocks(story):
        await scenes.silently_changed(alice, song)
        await alice.sync()
        await story.holds()
    assert alice.times_asked(GET_REPO) > 0
    assert sum(asked.name == GET_REPO for asked in story.world.relay.asked) > relayed


async def test_case_60_a_busy_host_is_left_alone_and_the_others_go_on(story: Story) -> None:
    busy = await story.world.another_pds()
    busy.faults.on("*", http.status(429, {"Retry-After": "3"}), times=1)
    waiting = await story.person("waiting", pds=busy)
    await waiting.write(track("Told to no one"), told=untold)
    await waiting.write(track("Patience"))
    alice, _ = await story.known()
    await story.holds([alice])
    assert len(busy.asked) <= 8
    await story.holds_in_the_end()


async def test_case_61_a_host_that_fails_three_times_is_asked_again(story: Story) -> None:
    alice, song = await story.known()
    await scenes.silently_changed(alice, song)
    alice.pds.faults.on("*", http.status(500), times=3)
    await alice.sync()
    await story.holds_in_the_end()


async def test_case_62_a_repository_that_is_not_found_is_not_asked_for_over_and_over(
    story: Story,
) -> None:
    alice, song = await story.known()
    with story.world.relay.losing():
        await alice.update(song, track("In silence"))
    alice.pds.faults.on("*", http.status(404, error="RepoNotFound"))
    await alice.sync()
    await story.passes()
    before = len(alice.pds.asked)
    await asyncio.sleep(3)
    assert len(alice.pds.asked) - before <= 6
    await story.passes()


async def test_case_63_a_walk_that_finds_the_account_deactivated_hides_it(story: Story) -> None:
    alice, song = await story.known()
    await scenes.silently_changed(alice, song)
    await alice.become("deactivated", told=False)
    await alice.sync()
    await story.holds()


async def test_case_64_a_car_cut_between_blocks_deletes_nothing(story: Story) -> None:
    alice, song = await story.known()
    for number in range(6):
        await alice.write(track(f"Kept {number}"))
    await story.holds()
    await scenes.silently_changed(alice, song)
    for cut in (http.cut_between_blocks, http.cut_in_the_middle):
        alice.pds.faults.on(GET_REPO, http.rewritten(cut), times=1)
    alice.pds.faults.on(GET_BLOCKS, http.status(501, error="MethodNotImplemented"))
    await alice.sync()
    await wait_until(lambda: alice.pds.times_asked(GET_REPO) > 0)
    await story.passes()
    rows = await story.program.rows(
        "select 1 from record where did = $1 and collection = 'fm.plyr.track' and cid is null",
        alice.did,
    )
    assert not rows
    await story.holds_in_the_end()


async def test_case_64_blocks_that_do_not_all_come_delete_nothing(story: Story) -> None:
    alice, song = await story.known()
    await alice.commit([alice.creating(track(f"Kept {number}")) for number in range(60)])
    await story.holds()
    await scenes.silently_changed(alice, song)
    alice.pds.faults.on(GET_BLOCKS, http.rewritten(http.cut_between_blocks), times=2)
    alice.pds.faults.on(GET_REPO, http.status(500), times=2)
    await alice.sync()
    await story.holds_in_the_end()


async def test_case_65_a_repository_of_yesterday_is_refused(story: Story) -> None:
    alice, song = await story.known()
    yesterday = alice.repo.fork()
    await alice.update(song, track("Today's version"))
    await alice.write(track("New today"))
    await story.holds()
    alice.pds.stale[alice.did] = yesterday
    with story.world.relay.losing():
        await alice.write(track("Lost"))
    written = await alice.write(track("Heard"))
    await wait_until(alice.repo_requests)
    await story.passes()
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert answer.body["track"]["title"] == "Today's version"
    assert (await story.record_status(written.uri))["cid"] == written.cid
    alice.pds.stale.clear()
    await story.holds_in_the_end()


async def test_case_66_a_repository_signed_with_another_key_is_refused(story: Story) -> None:
    alice, song = await story.known()
    impostor = Repo(alice.did, SigningKey(), TidClock())
    impostor.commit([Write("create", f"fm.plyr.track/{song.rkey}", track("Mine now"))])
    await scenes.silently_changed(alice, song)
    alice.pds.stale[alice.did] = impostor
    asked = alice.repo_requests()
    await alice.sync()
    await wait_until(lambda: alice.repo_requests() > asked)
    await story.passes()
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert answer.body["track"]["title"] == "First of alice"
    alice.pds.stale.clear()
    await story.holds_in_the_end()


async def test_case_67_an_endless_repository_is_bounded(lonely_program: Program) -> None:
    world = lonely_program.world
    lonely_program.settings = {"PLYR_MAX_REPO_BYTES": "20000000"}
    story = Story(await Stage.start(world, lonely_program))
    alice, song = await story.known()
    before = lonely_program.peak_megabytes()
    await scenes.silently_changed(alice, song)
    alice.pds.faults.on(GET_RECORD, http.endless(), times=1)
    alice.pds.faults.on(GET_BLOCKS, http.endless())
    alice.pds.faults.on(GET_REPO, http.endless())
    await alice.sync()
    bob, _ = await story.known_beside(alice)
    await story.holds([bob])
    assert lonely_program.peak_megabytes() < before + 150
    alice.pds.faults.clear()
    await story.holds_in_the_end()


async def test_case_68_many_reasons_to_walk_lead_to_one_walk(story: Story) -> None:
    alice, song = await story.known()
    await scenes.silently_changed(alice, song)
    before = len(alice.pds.asked)
    for _ in range(5):
        await alice.sync()
    await story.holds()
    fetched = [cid for asked in alice.pds.asked[before:] for cid in asked.params.get("cids", ())]
    assert len(fetched) == len(set(fetched))


async def test_case_71_a_local_takedown_outlives_a_resync(story: Story) -> None:
    alice, song = await story.known()
    await story.program.command_line("takedown", song.uri)
    await story.hidden_after(song.uri)
    await scenes.silently_changed(alice, song)
    await alice.sync()

    async def walked() -> bool:
        rows = await story.program.rows("select rev from repo where did = $1", alice.did)
        return bool(rows[0]["rev"] == alice.repo.rev)

    await wait_until(walked)
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert (answer.status, answer.error) == (400, "TrackUnavailable")
    listed = await story.query("feed.getActorTracks", actor=alice.did)
    assert [item["track"]["title"] for item in listed.body["feed"]] == ["Unheard"]
