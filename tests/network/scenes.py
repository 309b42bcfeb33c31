"""Situations that several tests begin with."""

from __future__ import annotations

from tests.network.makers import comment, like, playlist, track
from tests.network.story import Story
from tests.network.world import Person, Written


async def entangled(story: Story) -> tuple[Person, Person, Written]:
    """Two people who like, comment on and collect each other; and a track of the first."""
    alice, song = await story.known()
    bob = await story.person("bob")
    other = await bob.write(track("Of bob"))
    for person, of in ((bob, song), (alice, other), (alice, song)):
        await person.write(like(of))
        await person.write(comment(of))
        await person.write(playlist([of, song]))
    await story.holds()
    return alice, bob, song


async def silently_changed(person: Person, song: Written) -> None:
    """A create, an update and a delete that nobody hears of."""
    with person.world.relay.losing():
        await person.write(track("Unheard"))
        doomed = await person.write(like(song))
        await person.update(song, track("Revised in silence"))
        await person.delete(doomed)
        await person.write(playlist([song]))
