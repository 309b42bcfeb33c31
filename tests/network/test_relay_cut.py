"""A relay cut for a minute. In a file of its own: other files are run beside its wait."""

from __future__ import annotations

import asyncio
import re

from tests.network.audits import nothing_differs
from tests.network.crowd import Crowd
from tests.network.story import Story
from tests.support import wait_until

CUT_SECONDS = 60
WRITING_SECONDS = 3
LONGEST_DELAY_SECONDS = 60 * 1.5


async def test_nothing_differs_after_the_relay_was_away_for_a_minute(story: Story) -> None:
    crowd = await Crowd.gather(story, 8)
    await story.passes()
    await story.program.restart()  # its back-off is short again
    await story.passes()
    said = len(story.program.log_path.read_text())
    relay = story.world.relay
    async with crowd.writing():
        await relay.close()
        await asyncio.sleep(WRITING_SECONDS)
    await asyncio.sleep(CUT_SECONDS - WRITING_SECONDS)
    await relay.open()
    await wait_until(lambda: relay.subscribers, LONGEST_DELAY_SECONDS)
    await crowd.writes(20)
    delays = [
        float(seconds)
        for seconds in re.findall(
            r"relay disconnected.*retry_in_seconds=([\d.]+)",
            story.program.log_path.read_text()[said:],
        )
    ]
    steps = [min(2**number, 60) for number in range(len(delays))]
    assert len(delays) >= 5, delays
    assert all(step / 2 <= delay <= step * 1.5 for step, delay in zip(steps, delays, strict=True))
    await nothing_differs(story)
