"""Checklist 1-14: the connection to the relay, its frames and its cursor."""

from __future__ import annotations

import asyncio

import pytest

from tests.network import http, lies
from tests.network.crowd import Crowd
from tests.network.encoding import dag_cbor, now_text
from tests.network.makers import like, track
from tests.network.program import Program
from tests.network.relay import Relay, error_frame
from tests.network.story import Stage, Story
from tests.network.tables import dump
from tests.network.world import World, untold
from tests.support import wait_until


async def again(story: Story) -> None:
    """Start the program over, so that its back-off is short again."""
    await story.passes()
    await story.program.terminate()
    await story.program.start()
    await story.passes()


async def reconnected(world: World, attempts: int) -> None:
    await wait_until(lambda: len(world.relay.cursors_asked) > attempts and world.relay.subscribers)


async def test_case_01_the_first_connection_has_no_cursor_and_the_next_the_last_seq(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    stage = await Stage.start(world, lonely_program)
    await stage.passes()
    assert world.relay.cursors_asked == [None]
    await lonely_program.reaches(world.relay.seq)
    await lonely_program.restart()
    await wait_until(lambda: len(world.relay.cursors_asked) == 2)
    assert world.relay.cursors_asked[1] == world.relay.seq


async def test_a_quiet_first_run_that_is_killed_loses_nothing_after_it(
    lonely_program: Program,
) -> None:
    """Nothing came over the stream yet, so there is no cursor to go on from."""
    stage = await Stage.start(lonely_program.world, lonely_program)
    story = Story(stage, [stage.witness])
    await story.agrees()
    await lonely_program.kill()
    await stage.witness.write(track("While you were away"))
    await lonely_program.start()
    await story.agrees()


async def test_case_02_R41_a_killed_program_loses_and_doubles_nothing(
    story: Story, lonely_program: Program
) -> None:
    crowd = await Crowd.gather(story, 6)
    async with crowd.writing():
        for wait in (0.7, 0.4, 0.9):
            await asyncio.sleep(wait)
            await story.program.restart()
    await story.holds()
    undisturbed = Program(story.world, lonely_program.database_url, lonely_program.folder)
    await undisturbed.start()
    fresh = Story(Stage(story.world, undisturbed, story.stage.witness), story.people)
    try:
        await fresh.holds()
        assert await dump(story.program) == await dump(undisturbed)
    finally:
        await undisturbed.terminate()


async def test_case_03_the_cursor_waits_for_a_slow_did_or_its_event_is_kept(
    story: Story,
) -> None:
    alice, _ = await story.known()
    slow = await story.person("slow")
    answering = asyncio.Event()
    story.world.directory.faults.on(slow.did, http.held(answering))
    late = await slow.write(track("Largo"))
    for number in range(40):
        await alice.write(track(f"Presto {number}"))
    await wait_until(lambda: story.world.directory.times_asked(slow.did))
    await story.program.kill()
    queued = await story.program.rows("select 1 from repo_queue where did = $1", slow.did)
    assert queued or await story.program.cursor() < late.seq
    answering.set()
    story.world.directory.faults.clear()
    await story.program.start()
    await story.program.hurry()
    await story.holds()


async def test_case_04_a_kind_of_frame_to_come_is_passed_over(story: Story) -> None:
    alice, _ = await story.known()
    relay = story.world.relay
    connections = len(relay.cursors_asked)
    relay.foreign(
        lambda seq: (
            dag_cbor({"op": 1, "t": "#unknown"})
            + dag_cbor({"seq": seq, "did": alice.did, "time": now_text()})
        )
    )
    relay.foreign(lambda _: dag_cbor({"op": 7}) + dag_cbor({"x": 1}), gives_seq=False)
    last = relay.foreign(lambda seq: dag_cbor({"op": 1, "t": "#handle"}) + dag_cbor({"seq": seq}))
    await story.program.reaches(last)
    await story.holds()
    assert len(relay.cursors_asked) == connections


async def test_case_05_unknown_fields_change_nothing(story: Story) -> None:
    alice, _ = await story.known()
    fetched = alice.repo_requests()
    await alice.write(track("Payload"), told=lies.unknown_fields)
    await alice.write(track("Header"), told=lies.OddHeader)
    await story.holds()
    assert alice.repo_requests() == fetched


JUNK: dict[str, bytes | str] = {
    "text": '{"op": 1, "t": "#commit"}',
    "cut": dag_cbor({"op": 1, "t": "#commit"}) + dag_cbor({"seq": 5, "repo": "x"})[:-4],
    "three": dag_cbor({"op": 1, "t": "#info"}) + 2 * dag_cbor({"name": "x"}),
    "empty": b"",
    "noise": b"\xff\xfe\xfd",
    "deep": b"\x81" * 100_000,
}


@pytest.mark.parametrize("kind", JUNK)
async def test_case_06_broken_framing_costs_the_connection_and_nothing_else(
    story: Story, kind: str
) -> None:
    alice, _ = await story.known()
    await again(story)
    relay = story.world.relay
    await story.program.reaches(relay.seq)
    connections = len(relay.cursors_asked)
    rejected = await story.program.metric("plyr_rejected_total", reason="malformed-frame")
    relay.inject(JUNK[kind])
    await reconnected(story.world, connections)
    assert relay.cursors_asked[-1] == relay.seq
    assert await story.program.metric("plyr_rejected_total", reason="malformed-frame") > rejected
    await alice.write(track("Reconnected"))
    await story.holds()


async def test_case_07_a_consumer_too_slow_comes_back_with_its_cursor(story: Story) -> None:
    await story.known()
    await again(story)
    relay = story.world.relay
    await story.program.reaches(relay.seq)
    connections = len(relay.cursors_asked)
    relay.inject(error_frame("ConsumerTooSlow"))
    await reconnected(story.world, connections)
    assert relay.cursors_asked[-1] == relay.seq
    await story.holds()


async def test_case_08_a_future_cursor_is_an_alarm_and_never_a_reset(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    stage = await Stage.start(world, lonely_program)
    await stage.passes()
    cursor = await lonely_program.cursor()
    await lonely_program.kill()
    world.relay.start_over()
    await lonely_program.start()

    async def alarmed() -> bool:
        rows = await lonely_program.rows("select error from relay_cursor where not connected")
        return any("FutureCursor" in str(row["error"]) for row in rows)

    await wait_until(alarmed)
    upstreams = (await lonely_program.status())["upstreams"]
    assert [upstream["connected"] for upstream in upstreams] == [False]
    assert await lonely_program.cursor() == cursor
    assert None not in world.relay.cursors_asked[1:]
    await Story(stage, [stage.witness]).agrees()


async def test_case_09_an_outdated_cursor_is_made_good_from_the_repos(story: Story) -> None:
    alice, song = await story.known()
    bob, _ = await story.known("bob")
    await story.program.kill()
    await alice.delete(song)
    await alice.write(track("While you slept"))
    carol = await story.person("carol")
    await carol.write(like(song))
    story.world.relay.forget_window()
    await bob.write(track("Still in the window"))
    await story.program.start()
    await story.holds(timeout_seconds=30)


async def test_case_10_a_relay_that_closes_at_once_is_not_hammered(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    world.relay.closes_at_once = True
    await lonely_program.start()
    await wait_until(lambda: world.relay.cursors_asked)
    await asyncio.sleep(4)
    assert len(world.relay.cursors_asked) <= 5
    await wait_until(lambda: len(world.relay.cursors_asked) > 1)
    world.relay.closes_at_once = False
    await wait_until(lambda: world.relay.subscribers, 20)


async def test_case_11_a_seq_that_was_given_before_is_not_processed(story: Story) -> None:
    alice, _ = await story.known()
    for back in (0, 3):
        event = await alice.forge(untold, [alice.creating(track("Twice the same seq"))])
        story.world.relay.repeat(event, story.world.relay.seq - back)
    await story.passes()
    await alice.write(track("In order"))
    await story.holds()


async def test_case_12_a_frame_past_five_megabytes_costs_the_connection(story: Story) -> None:
    alice, _ = await story.known()
    await again(story)
    before = story.program.peak_megabytes()
    connections = len(story.world.relay.cursors_asked)
    story.world.relay.inject(b"\x00" * 5_000_001)
    await reconnected(story.world, connections)
    await alice.write(track("Not drowned"))
    await story.holds()
    assert story.program.peak_megabytes() < before + 60


async def test_case_12_a_frame_that_stays_unreadable_is_passed_in_the_end(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    stage = await Stage.start(world, lonely_program)
    await stage.passes()
    world.relay.foreign(lambda _: b"\xff\xff")
    await stage.passes(40)


async def test_case_13_another_relay_never_sees_the_cursor_of_the_first(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    stage = await Stage.start(world, lonely_program)
    await stage.passes()
    await lonely_program.terminate()
    other = Relay(lambda: [person.account for person in world.people.values()])
    await other.open()
    try:
        lonely_program.settings = {
            "PLYR_RELAY_URL": other.url,
            "PLYR_DISCOVERY_URL": other.http_url,
        }
        await lonely_program.start()
        await wait_until(lambda: other.cursors_asked)
        assert other.cursors_asked == [None]
    finally:
        await lonely_program.terminate()
        await other.close()


async def test_a_relay_that_is_cut_off_is_taken_up_where_it_was(story: Story) -> None:
    alice, song = await story.known()
    await again(story)
    await story.world.relay.close()
    await alice.delete(song)
    await alice.write(track("While the line was dead"))
    answer = await story.query("feed.getTrack", uri=song.uri)
    assert answer.status == 200
    await story.world.relay.open()
    await wait_until(lambda: story.world.relay.subscribers, 20)
    await story.holds()
