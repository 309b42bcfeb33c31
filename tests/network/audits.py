"""`plyr-appview audit` as its operator would run it, beside the live program, over everybody."""

from __future__ import annotations

from tests.commands.terminal import Ended, command
from tests.network.oracle import is_ours
from tests.network.story import Story
from tests.network.world import World


def have_written(world: World) -> int:
    return sum(any(is_ours(path) for path in person.ever) for person in world.people.values())


async def audit(story: Story, *arguments: str) -> Ended:
    return await command(story.program, "audit", "--grace", "2", *arguments)


async def nothing_differs(story: Story) -> None:
    """Not in the eyes of the oracle, and then not in those of the program's own audit."""
    await story.holds(timeout_seconds=40)
    ended = await audit(story)
    assert (ended.status, ended.out) == (0, ""), ended.out + story.program.log_tail()
    everybody = have_written(story.world)
    assert f"{everybody} accounts compared: 0 differences, 0 could not be" in ended.err
