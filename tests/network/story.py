"""What a test is handed: the world, the running program, and the people of this test alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.network import makers
from tests.network.compare import differences
from tests.network.keys import Curve
from tests.network.pds import Pds
from tests.network.program import Answer, Json, Program
from tests.network.world import Person, World, Written
from tests.support import wait_until


@dataclass(slots=True)
class Stage:
    """A world with a program watching it. The witness tells how far the program has come."""

    world: World
    program: Program
    witness: Person

    @classmethod
    async def start(cls, world: World, program: Program) -> Stage:
        witness = await world.person("witness")
        await witness.write(makers.track("Testimony"))
        await program.start()
        return cls(world, program, witness)

    async def passes(self, timeout_seconds: float = 10) -> None:
        """Wait until everything told so far has been looked at, whatever came of it."""
        written = await self.witness.write(makers.profile("I saw that"))

        async def seen() -> bool:
            answer = await self.program.query("sync.getRecordStatus", uri=written.uri)
            return answer.status == 200 and answer.body.get("cid") == written.cid

        try:
            await wait_until(seen, timeout_seconds)
        except AssertionError:
            raise AssertionError(f"no news arrives\n{self.program.log_tail()}") from None


@dataclass(slots=True)
class Story:
    stage: Stage
    people: list[Person] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.stage.world

    @property
    def program(self) -> Program:
        return self.stage.program

    async def person(
        self,
        name: str = "alice",
        *,
        curve: Curve = "k256",
        pds: Pds | None = None,
        web: bool = False,
        greeted: bool = True,
    ) -> Person:
        person = await self.world.person(name, curve=curve, pds=pds, web=web, greeted=greeted)
        self.people.append(person)
        return person

    async def known(self, name: str = "alice", *, curve: Curve = "k256") -> tuple[Person, Written]:
        """Someone with a track, whom the program has come to know and has in full."""
        person = await self.person(name, curve=curve)
        written = await person.write(makers.track(f"First of {name}"))
        await self.holds()
        return person, written

    async def known_beside(self, *others: Person) -> tuple[Person, Written]:
        """As `known`, while nothing is expected of the others."""
        person = await self.person("beside")
        written = await person.write(makers.track("Beside"))
        await self.holds([one for one in self.people if one not in others])
        return person, written

    async def passes(self) -> None:
        await self.stage.passes()

    async def holds(
        self, people: Iterable[Person] | None = None, timeout_seconds: float = 15
    ) -> None:
        """Wait until the program agrees with the oracle about everyone in this story."""
        about = list(people if people is not None else self.people)
        await self.stage.passes()
        found: list[str] = []

        async def agrees() -> bool:
            found[:] = await differences(self.program, about)
            return not found

        try:
            await wait_until(agrees, timeout_seconds)
        except AssertionError:
            text = "\n".join(found)
            raise AssertionError(f"the program differs from the world:\n{text}") from None

    async def query(self, method: str, **params: object) -> Answer:
        return await self.program.query(method, **params)

    async def record_status(self, uri: str) -> Json:
        return (await self.query("sync.getRecordStatus", uri=uri)).body
