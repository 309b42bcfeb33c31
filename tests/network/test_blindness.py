"""R39, R40: a relay that keeps somebody from us, in front of the live program."""

from __future__ import annotations

from tests.network.makers import track
from tests.network.program import Program
from tests.network.relay import Relay
from tests.network.repo import CommitEvent
from tests.network.story import Stage, Story
from tests.support import wait_until

GRACE_AND_A_LOOK_SECONDS = 60


async def test_R39_R40_what_the_relay_keeps_from_us_is_noticed_and_fetched(
    lonely_program: Program,
) -> None:
    """Whom we know by asking hosts for their last commits, a newcomer by a second relay."""
    world = lonely_program.world
    second = Relay(lambda: [person.account for person in world.people.values()])
    await second.open()
    lonely_program.settings = {"PLYR_SECOND_RELAY_URL": second.url, "PLYR_SAMPLE_SECONDS": "1"}

    def elsewhere(event: CommitEvent) -> None:
        second.tell(event)

    try:
        story = Story(await Stage.start(world, lonely_program))
        alice, _ = await story.known()
        await wait_until(lambda: second.subscribers)
        newcomer = await story.world.person("newcomer")
        world.relay.blind_to |= {alice.did, newcomer.did}
        await alice.write(track("Kept from us"))
        await newcomer.write(track("Told elsewhere"), told=elsewhere)
        await story.agrees([alice, newcomer], GRACE_AND_A_LOOK_SECONDS)
        for noticed_by in ("a sample", "the second relay"):
            assert await lonely_program.metric("plyr_blind_total", noticed_by=noticed_by) == 1
    finally:
        await lonely_program.terminate()
        await second.close()
