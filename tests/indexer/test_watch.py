"""Blindness of the relay is noticed by asking, not by silence (R39, R40)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from indexer.discovery import Discovery
from indexer.repo_state import RepoState, State
from lexicons.syntax import parse_did, tid_from_micros
from tests.indexer.scene import LATEST_COMMIT, Scene, untold
from tests.network.http import Fault, body
from tests.network.makers import track
from tests.network.world import Person

MINUTE = timedelta(minutes=1)


async def test_a_sample_of_what_we_have_finds_nothing(scene: Scene) -> None:
    assert await scene.watch(MINUTE).sample() == 0
    assert scene.gaps == 0


async def test_R39_a_sample_notices_a_commit_that_the_relay_did_not_tell(scene: Scene) -> None:
    await scene.alice.write(track("Kept from us"))
    assert await scene.watch(MINUTE).sample() == 1
    assert scene.gaps == 1
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Kept from us"}
    assert await scene.watch(MINUTE).sample() == 0


async def test_a_host_that_the_relay_does_not_carry_calls_for_everybody_seldom(
    scene: Scene,
) -> None:
    """Or one that claims what it does not have: whoever claims the newest rev is always sampled."""
    liar, did = scene.world.pdses[0], parse_did(scene.alice.did)
    liar.faults.on(LATEST_COMMIT, claim(datetime.now(UTC)))
    watch = scene.watch(MINUTE)
    for hours, gaps in ((0, 1), (0.1, 1), (2, 1), (5, 1), (7, 2)):
        watch.now = lambda: datetime.now(UTC) + MINUTE + timedelta(hours=hours)  # noqa: B023
        assert await watch.sample() == 1
        assert scene.gaps == gaps
        scene.pipeline.repos[did] = synchronized(scene, scene.alice)


async def test_another_host_that_is_ahead_calls_for_everybody_an_hour_later(scene: Scene) -> None:
    other = await scene.world.another_pds()
    bob = await scene.world.person("bob", pds=other)
    await bob.write(track())
    await Discovery(
        scene.tools.pool, scene.pipeline, scene.tools.remote, scene.world.relay.http_url, soon
    ).discover()
    await scene.walk_what_is_due()
    scene.world.pdses[0].faults.on(LATEST_COMMIT, claim(datetime.now(UTC)))
    watch = scene.watch(MINUTE)
    assert (await watch.sample(), scene.gaps) == (1, 1)
    other.faults.on(LATEST_COMMIT, claim(datetime.now(UTC)))
    assert (await watch.sample(), scene.gaps) == (1, 1)
    scene.pipeline.repos[parse_did(bob.did)] = synchronized(scene, bob)
    watch.now = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert (await watch.sample(), scene.gaps) == (1, 2)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(days=2)


def claim(moment: datetime) -> Fault:
    rev = str(tid_from_micros(int(moment.timestamp() * 1e6)))
    return body(orjson.dumps({"rev": rev, "cid": "x"}), "application/json")


def synchronized(scene: Scene, person: Person) -> RepoState:
    return replace(scene.pipeline.repos[parse_did(person.did)], state=State.SYNCHRONIZED)


async def test_a_commit_that_may_still_be_on_its_way_is_no_sign_of_blindness(scene: Scene) -> None:
    await scene.alice.write(track("On its way"))
    assert await scene.watch(timedelta()).sample() == 0


async def test_a_host_that_does_not_answer_is_no_sign_of_blindness(scene: Scene) -> None:
    await scene.world.pdses[0].close()
    assert await scene.watch(MINUTE).sample() == 0


async def test_R40_what_only_the_second_relay_tells_is_walked(scene: Scene) -> None:
    alice = scene.alice
    event = await untold(alice, "Told elsewhere")
    watch = scene.watch(timedelta())
    watch.expect(event.frame(7))
    assert await watch.compare() == 0, "the first relay still has its grace"
    watch.now = lambda: datetime.now(UTC) + MINUTE
    assert await watch.compare() == 1
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Told elsewhere"}


async def test_what_both_relays_tell_is_not_walked(scene: Scene) -> None:
    alice = scene.alice
    event = await untold(alice, "Told twice")
    watch = scene.watch(timedelta())
    watch.expect(event.frame(7))
    scene.pipeline.offer(event.frame(9))
    await scene.pipeline.step()
    watch.now = lambda: datetime.now(UTC) + MINUTE
    assert await watch.compare() == 0
    assert scene.pipeline.repos[parse_did(alice.did)].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Told twice"}


async def test_a_repo_that_only_the_second_relay_knows_becomes_tracked(scene: Scene) -> None:
    bob = await scene.world.person("bob")
    event = await untold(bob, "A newcomer")
    watch = scene.watch(MINUTE)
    watch.expect(event.frame(3))
    watch.now = lambda: datetime.now(UTC) + 2 * MINUTE
    assert await watch.compare() == 1
    await scene.walk_what_is_due()
    assert "A newcomer" in await scene.tracks()


async def test_who_writes_on_raises_no_alarm_while_the_relay_keeps_up(scene: Scene) -> None:
    """The newest commit may still be on its way when the first one is due."""
    watch = scene.watch(timedelta())
    told = await untold(scene.alice, "Told by both")
    watch.expect(told.frame(7))
    scene.pipeline.offer(told.frame(9))
    await scene.pipeline.step()
    watch.now = lambda: datetime.now(UTC) + MINUTE
    watch.expect((await untold(scene.alice, "On its way")).frame(8))
    assert await watch.compare() == 0
    watch.now = lambda: datetime.now(UTC) + 2 * MINUTE
    assert await watch.compare() == 1, "it never came"


async def test_who_writes_on_hides_no_blindness(scene: Scene) -> None:
    passed = timedelta()
    watch = scene.watch(passed)
    watch.now = lambda: datetime.now(UTC) + passed
    for number in range(5):
        watch.expect((await untold(scene.alice, f"Track {number}")).frame(number + 1))
        passed += timedelta(seconds=10)
    assert await watch.compare() == 1


async def test_a_rev_of_the_future_is_no_sign_of_blindness(scene: Scene) -> None:
    watch = scene.watch(timedelta())
    watch.now = lambda: datetime.now(UTC) - timedelta(days=1)
    watch.expect((await untold(scene.alice, "Tomorrow")).frame(8))
    watch.now = lambda: datetime.now(UTC) - timedelta(days=1) + MINUTE
    assert await watch.compare() == 0
