"""Checklist 69-70: finding everyone who holds our records."""

from __future__ import annotations

from tests.network.makers import like, playlist, post, track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.network.world import Person, World
from tests.support import wait_until


async def populated(world: World, count: int) -> list[Person]:
    """People of before the program was there; each holds one kind of record only."""
    people = [await world.person(f"old{number}") for number in range(count)]
    song = await people[0].write(track("The oldest"))
    for person in people[1::2]:
        await person.write(like(song))
    for person in people[2::2]:
        await person.write(playlist([song]))
    return people


async def test_case_69_everyone_who_holds_our_records_is_found_page_by_page(
    lonely_program: Program,
) -> None:
    world = lonely_program.world
    world.relay.page_size = 2
    people = await populated(world, 9)
    bystander = await world.person("bystander")
    await bystander.write(post())
    story = Story(await Stage.start(world, lonely_program), people)
    await story.holds(timeout_seconds=30)
    rows = await lonely_program.rows("select did from repo where did = $1", bystander.did)
    assert not rows
    for person in people:
        assert person.times_asked("com.atproto.sync.getRecord") <= 2


async def test_case_69_a_discovery_that_was_cut_short_goes_on(lonely_program: Program) -> None:
    world = lonely_program.world
    world.relay.page_size = 2
    people = await populated(world, 9)
    world.relay.fails_with["com.atproto.sync.listReposByCollection"] = 503
    story = Story(await Stage.start(world, lonely_program), people)
    await lonely_program.kill()
    world.relay.fails_with.clear()
    await lonely_program.start()
    await story.holds(timeout_seconds=30)


async def test_whoever_begins_while_we_are_away_is_found_though_nothing_ever_came(
    lonely_program: Program,
) -> None:
    """Without an event there is no cursor: the second stream begins later than the first ended."""
    program, world = lonely_program, lonely_program.world

    await program.start()
    await wait_until(lambda: world.relay.subscribers)
    await wait_until(lambda: "discovery finished" in program.log_tail())
    assert not await program.rows("select from relay_gap")
    await program.kill()
    alice = await world.person("alice")
    song = await alice.write(track("The first of all"))
    await program.start()

    async def is_found() -> bool:
        return bool(await program.rows("select from track where uri = $1", song.uri))

    await wait_until(is_found)


async def test_discovery_falls_back_to_asking_each_repository(lonely_program: Program) -> None:
    world = lonely_program.world
    people = await populated(world, 5)
    world.relay.fails_with["com.atproto.sync.listReposByCollection"] = 501
    lonely_program.settings = {"PLYR_DISCOVERY_URL": world.pdses[0].url}
    story = Story(await Stage.start(world, lonely_program), people)
    await story.holds(timeout_seconds=30)


async def test_case_70_R43_someone_first_seen_live_is_fetched_with_all_their_past(
    story: Story,
) -> None:
    with story.world.relay.losing():
        alice = await story.person("alice")
        song = await alice.write(track("Years ago"))
        await alice.write(track("Months ago"))
    await alice.write(like(song))
    await story.holds()
