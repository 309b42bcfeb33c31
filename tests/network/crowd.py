"""People who write, edit, like, list and delete, without pause for the program."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.network.keys import Curve
from tests.network.makers import comment, like, playlist, profile, track
from tests.network.story import Story
from tests.network.world import Person, Written

PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Crowd:
    """Everybody has one song that stands; what they write about the others' meets there."""

    people: list[Person]
    songs: list[Written]
    chance: random.Random

    @classmethod
    async def gather(cls, story: Story, size: int, seed: int = 2) -> Crowd:
        """New people, on every PDS in turn, with both curves; the program hears of each."""
        people, songs = [], []
        for number in range(size):
            pds = story.world.pdses[number % len(story.world.pdses)]
            curve: Curve = "p256" if number % 5 == 4 else "k256"
            person = await story.person(f"c{number}", curve=curve, pds=pds)
            people.append(person)
            songs.append(await person.write(track(f"By {person.handle}")))
        return cls(people, songs, random.Random(seed))

    async def writes_once(self) -> None:
        at = self.chance.randrange(len(self.people))
        person, song = self.people[at], self.songs[at]
        match self.chance.randrange(7):
            case 0:
                self.songs[at] = await person.write(track(f"No. {self.chance.randrange(99)}"))
                await person.delete(song)
            case 1:
                self.songs[at] = await person.update(song, track("Edited"))
            case 2:
                await person.write(playlist(self.chance.sample(self.songs, 3)))
            case 3:
                await person.write(comment(self.chance.choice(self.songs)))
            case 4:
                await person.write(profile(f"Bio {self.chance.randrange(99)}"))
            case _:
                liked = await person.write(like(self.chance.choice(self.songs)))
                if self.chance.random() < 0.3:
                    await person.delete(liked)

    async def writes(self, times: int) -> None:
        for _ in range(times):
            await self.writes_once()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """They go on until the block ends."""

        async def without_end() -> None:
            while True:
                await self.writes_once()
                await asyncio.sleep(PAUSE_SECONDS)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(without_end())
            yield
            task.cancel()
