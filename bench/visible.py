"""From the moment a relay sends a commit until XRPC shows its track: the whole program between."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.material import SEQ_BASE, foreign_frames, numbered
from bench.processes import program
from bench.report import Figure, say
from tests.network import makers
from tests.network.http import free_port
from tests.network.world import Person, World

PEOPLE = 20
COMMITS = 300
MEAN_PAUSE_SECONDS = 0.1
STEADY_FRAMES_PER_SECOND = 1_000
STEADY_SECONDS = 60
ASKERS = 16
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 120
METHOD = "fm.plyr.feed.getTrack"


class Asker:
    """One kept-alive connection that asks whether a track is there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def sees(self, uri: str) -> bool:
        path = f"/xrpc/{METHOD}?uri={quote(uri)}"
        self.writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"\r\ncontent-length: ")[2].split(b"\r\n", 1)[0])
        body = await self.reader.readexactly(length)
        if head.startswith(b"http/1.1 200 "):
            assert uri.encode() in body
            return True
        assert head.startswith(b"http/1.1 400 "), head
        return False

    async def until_seen(self, uri: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.sees(uri):  # noqa: ASYNC110 - it is polled, as clients do
                await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Scene:
    """The program on a small network, and people whose keys it knows."""

    world: World
    port: int
    people: list[Person]
    data_dir: Path

    async def asker(self) -> Asker:
        """The first start makes a database before anything listens."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return Asker(*await asyncio.open_connection("127.0.0.1", self.port))
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)


Work = Callable[[Scene], Awaitable[None]]


async def nothing(_: Scene) -> None:
    return


@asynccontextmanager
async def scene(before: Work = nothing) -> AsyncIterator[Scene]:
    """`before`: what is done before the program starts, with its database for instance."""
    with tempfile.TemporaryDirectory() as folder:
        async with World.open() as world:
            world.relay.start_over(SEQ_BASE)
            made = Scene(world, free_port(), [], Path(folder) / "data")
            await before(made)
            running = program(
                "run",
                Path(folder),
                data_dir=made.data_dir,
                relay_url=world.relay.url,
                plc_url=world.directory.url,
                handle_resolver_url=world.directory.url,
                allow_private_addresses="on",
                rate_limit_requests=0,
                port=made.port,
                metrics_listen="off",
            )
            async with running:
                asker = await made.asker()
                made.people.extend([await world.person(f"person{n}") for n in range(PEOPLE)])
                for person in made.people:
                    await asker.until_seen((await person.write(makers.track("First"))).uri)
                asker.writer.close()
                yield made


async def visible() -> list[Figure]:
    chance = random.Random(1)
    millis = []
    async with scene() as made:
        say(f"# {COMMITS} tracks of {PEOPLE} people, one every {MEAN_PAUSE_SECONDS} s or so")
        asker = await made.asker()
        for number in range(COMMITS):
            await asyncio.sleep(chance.expovariate(1 / MEAN_PAUSE_SECONDS))
            millis.append(await until_visible(asker, chance.choice(made.people), number))
        asker.writer.close()
    return _percentiles("commit to visible", millis, "1,000 ms")


async def steady() -> list[Figure]:
    """Strangers' frames at the rate of a relay; the clock of each of ours runs on its own."""
    frames = foreign_frames(800)
    chance = random.Random(1)
    async with scene() as made:
        ours = STEADY_FRAMES_PER_SECOND // 100
        say(f"# {STEADY_FRAMES_PER_SECOND:,} frames/s for {STEADY_SECONDS} s, {ours} of them ours")
        askers: asyncio.Queue[Asker] = asyncio.Queue()
        for _ in range(ASKERS):
            askers.put_nowait(await made.asker())

        async def one(number: int) -> float:
            asker = await askers.get()
            took = await until_visible(asker, chance.choice(made.people), number)
            askers.put_nowait(asker)
            return took

        started = time.perf_counter()
        waiting = []
        sent = late = 0
        while sent < STEADY_SECONDS * STEADY_FRAMES_PER_SECOND:
            due = int((time.perf_counter() - started) * STEADY_FRAMES_PER_SECOND)
            late = max(late, due - sent)
            for _ in range(sent, due):
                sent += 1
                if sent % 100:
                    made.world.relay.foreign(lambda seq: numbered(chance.choice(frames), seq))
                else:
                    waiting.append(asyncio.create_task(one(sent)))
            await asyncio.sleep(0.005)
        millis = await asyncio.gather(*waiting)
    said = f"the sender was late by {late / STEADY_FRAMES_PER_SECOND * 1000:.0f} ms at most"
    return _percentiles("commit to visible at 1,000 frames/s", millis, "500 ms", said)


async def until_visible(asker: Asker, person: Person, number: int) -> float:
    sent = time.perf_counter()  # signing, 0.1 ms, is counted too
    written = await person.write(makers.track(f"Track {number}"))
    await asker.until_seen(written.uri)
    return (time.perf_counter() - sent) * 1000


def _percentiles(what: str, unsorted: Sequence[float], goal: str, said: str = "") -> list[Figure]:
    millis = sorted(unsorted)
    note = f"of {len(millis)}, polled every {POLL_SECONDS * 1000:.0f} ms; slowest {millis[-1]:.0f}"
    return [
        Figure(
            f"{what}, p50", statistics.median(millis), "ms", note=f"{note}; {said}".rstrip("; ")
        ),
        Figure(f"{what}, p99", millis[len(millis) * 99 // 100], "ms", goal=goal),
    ]
