"""What a test is handed: the world, the running program, and the people of this test alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.network import makers
from tests.network.compare import differences
from tests.network.keys import Curve
from tests.network.pds import Pds
from tests.network.program import Answer, Json, Program
from tests.network.repo import CommitEvent
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
        await wait_until(lambda: world.relay.subscribers)
        return cls(world, program, witness)

    async def stir(self) -> None:
        """Someone unheard of appears: work for the program, which sees what else is due."""
        stranger = await self.world.person("stranger", greeted=False)
        with self.world.relay.losing():
            await stranger.write(makers.track("Before"))
        await stranger.write(makers.track("After"))

    async def passes(self, timeout_seconds: float = 30) -> None:
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
        self, people: Iterable[Person] | None = None, timeout_seconds: float = 30
    ) -> None:
        """Wait until the program agrees with the oracle about everyone in this story."""
        await self.stage.passes()
        await self.agrees(people, timeout_seconds)

    async def agrees(
        self, people: Iterable[Person] | None = None, timeout_seconds: float = 30
    ) -> None:
        """As `holds`, but nothing is written to see how far the program has come."""
        about = list(people if people is not None else self.people)
        assert about, "nobody to hold against the world"
        found: list[str] = []

        async def same() -> bool:
            found[:] = await differences(self.program, about)
            return not found

        try:
            # To ask about everything is work for both sides, which others wait for.
            await wait_until(same, timeout_seconds, longest_pause=0.3)
        except AssertionError:
            text = "\n".join(found)
            raise AssertionError(f"the program differs from the world:\n{text}") from None

    async def holds_in_the_end(self) -> None:
        """As `holds`, while the back-offs are brought forward again and again."""

        async def hurry() -> None:
            while True:
                await self.program.hurry()
                await self.stage.stir()
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as group:
            hurrying = group.create_task(hurry())
            await self.holds(timeout_seconds=40)
            hurrying.cancel()

    async def is_shown(self, uri: str) -> bool:
        return (await self.query("feed.getTrack", uri=uri)).status == 200

    async def hidden_after(self, uri: str) -> float:
        """Wait until the track is not shown any more; answers with the seconds."""
        begun = time.monotonic()

        async def is_hidden() -> bool:
            return not await self.is_shown(uri)

        await wait_until(is_hidden)
        return time.monotonic() - begun

    async def seconds_until_shown(self, written: Written) -> float:
        begun = time.monotonic()

        async def shown() -> bool:
            answer = await self.query("feed.getTrack", uri=written.uri)
            return answer.status == 200 and answer.body["track"]["cid"] == written.cid

        await wait_until(shown)
        return time.monotonic() - begun

    async def stores_nothing_of(self, forged: CommitEvent) -> bool:
        rows = await self.program.rows(
            "select rkey from record where did = $1 and collection || '/' || rkey = any($2)",
            forged.did,
            [op["path"] for op in forged.payload["ops"]],
        )
        return not rows

    async def likes_of(self, uri: str) -> int:
        answer = await self.query("feed.getTrack", uri=uri)
        count: int = answer.body["track"]["likeCount"]
        return count

    async def quarantines(self, written: Written) -> None:
        """Wait until the record stands there as invalid, with its reason."""
        await self.holds()
        status = await self.record_status(written.uri)
        assert status["state"] == "invalid", status
        assert status["reason"]

    async def query(self, method: str, **params: object) -> Answer:
        return await self.program.query(method, **params)

    async def record_status(self, uri: str) -> Json:
        return (await self.query("sync.getRecordStatus", uri=uri)).body
