"""Frames that are refused before they are proven, though what they tell of happened."""

from __future__ import annotations

from collections.abc import Callable

from tests.network import lies
from tests.network.makers import like, track
from tests.network.story import Story
from tests.network.world import Person, Telling
from tests.support import wait_until

LATEST_COMMIT = "com.atproto.sync.getLatestCommit"
A_LOOK_SECONDS = 60

SPOILT: dict[str, Telling] = {
    "malformed CAR": lambda event: lies.Raw(event, b"\x05no CAR"),
    "too many bytes": lies.oversize_blocks,
    "another root": lies.other_root,
    "another signature": lies.bad_signature,
}


async def test_what_was_hidden_by_a_frame_that_was_refused_unproven_is_found_within_a_minute(
    story: Story,
) -> None:
    """And of whom frames are forged again and again, nothing but one question comes."""
    victim, song = await story.known("victim")
    busy, *spoilt = [(await story.known("unlucky"))[0] for _ in range(1 + len(SPOILT))]
    fetched = victim.repo_requests()
    for _ in range(5):
        await victim.forge(lies.bad_signature)
    await busy.commit([busy.creating(like(song.uri + str(number))) for number in range(201)])
    for person, (name, telling) in zip(spoilt, SPOILT.items(), strict=True):
        await person.write(track(name), told=telling)
    await story.agrees(timeout_seconds=A_LOOK_SECONDS)
    await wait_until(asked(victim), A_LOOK_SECONDS)
    assert victim.times_asked(LATEST_COMMIT) == 1
    assert victim.repo_requests() == fetched
    noticed = await story.program.metric("plyr_blind_total", noticed_by="a refused frame")
    assert noticed == 1 + len(SPOILT)


def asked(person: Person) -> Callable[[], bool]:
    return lambda: person.times_asked(LATEST_COMMIT) > 0
