"""The program is killed while people write."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from tests.reference.agreement import agree
from tests.reference.install import Installation
from tests.reference.network import Network, Person, Written, reference_network
from tests.reference.population import populate
from tests.reference.program import ROOT, Program
from tests.reference.records import COMMENT, LIKE, LIST, TRACK, comment, like, track, track_list
from tests.support import wait_until

pytestmark = pytest.mark.reference

KILLS = 4
WRITERS = 3
WRITES_EACH = 120
SEED = 20
WRITING_SECONDS = 300  # between two kills, on a machine that is busy with other things
HEALING_SECONDS = 120  # what is lost stays lost; a walk that failed begins again after 30


@dataclass(slots=True)
class Writer:
    """Every kind of write, in an order that only the seed decides."""

    person: Person
    subjects: list[Written]
    chance: random.Random
    own: list[Written] = field(default_factory=list)
    done: int = 0

    async def write(self) -> None:
        for _ in range(WRITES_EACH):
            await self._write_one()
            self.done += 1

    async def _write_one(self) -> None:
        person, own, subject = self.person, self.own, self.chance.choice(self.subjects)
        match self.chance.randrange(6):
            case 0 if own:
                await person.delete(own.pop(self.chance.randrange(len(own))))
            case 1 if own:
                edited = self.chance.choice(own)
                await person.put(TRACK, edited.rkey, track(f"Edited {self.done}"))
            case 2:
                await person.create(COMMENT, comment(subject, f"{self.done}", self.done))
            case 3:
                await person.create(LIKE, like(subject))
            case 4:
                await person.create(LIST, track_list(f"List {self.done}", subject, *own[:5]))
            case _:
                own.append(await person.create(TRACK, track(f"Written {self.done}")))


@pytest_asyncio.fixture
async def own_network(installation: Installation) -> AsyncIterator[Network]:
    """So much is written here that other tests would be slow in comparing it."""
    with tempfile.TemporaryDirectory(prefix="plyr-crash-") as folder:
        async with reference_network(installation, Path(folder), ROOT / "lexicons") as running:
            yield running


@pytest_asyncio.fixture
async def victim(own_network: Network) -> AsyncIterator[Program]:
    with tempfile.TemporaryDirectory(prefix="plyr-crash-") as folder:
        program = Program.beside(own_network, Path(folder))
        yield program
        await program.close()


async def test_kill_9_while_people_write_loses_and_doubles_nothing(
    victim: Program, own_network: Network, measure: Callable[[str], None]
) -> None:
    subjects = (await populate(own_network)).tracks
    people = [await own_network.join(f"writer{number}") for number in range(WRITERS)]
    writers = [
        Writer(person, subjects, random.Random(SEED + number))
        for number, person in enumerate(people)
    ]
    moments = sorted(random.Random(SEED).sample(range(WRITERS * WRITES_EACH), KILLS))
    await victim.start()
    async with asyncio.TaskGroup() as writing:
        for writer in writers:
            writing.create_task(writer.write())
        for moment in moments:
            await wait_until(
                lambda: sum(writer.done for writer in writers) > moment,  # noqa: B023
                WRITING_SECONDS,
            )
            await victim.kill()
            await victim.start()
    begun = time.monotonic()
    await agree(victim, own_network, HEALING_SECONDS)
    measure(f"after {KILLS} kills everything agreed in {time.monotonic() - begun:.1f} s")
