"""From the moment a relay sends a commit until XRPC shows its track: the whole program between."""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from bench.processes import program
from bench.report import Figure, say
from tests.network import makers
from tests.network.http import free_port
from tests.network.world import Person, World

PEOPLE = 20
COMMITS = 300
MEAN_PAUSE_SECONDS = 0.1
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


async def visible() -> list[Figure]:
    world = await World.start()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        running = program(
            "run",
            Path(folder),
            data_dir=Path(folder) / "data",
            relay_url=world.relay.url,
            plc_url=world.directory.url,
            handle_resolver_url=world.directory.url,
            allow_private_addresses="on",
            port=port,
            metrics_listen="off",
        )
        async with running:
            asker = await _connected(port)
            people = [await world.person(f"person{number}") for number in range(PEOPLE)]
            for person in people:  # so that their keys are known
                await asker.until_seen((await person.write(makers.track("First"))).uri)
            say(f"# {COMMITS} tracks of {PEOPLE} people, one every {MEAN_PAUSE_SECONDS} s or so")
            millis = sorted(await _measured(asker, people))
            asker.writer.close()
    await world.stop()
    assert len(millis) == COMMITS
    note = f"polled every {POLL_SECONDS * 1000:.0f} ms; slowest {millis[-1]:.0f} ms"
    return [
        Figure("commit to visible, p50", millis[COMMITS // 2], "ms", note=note),
        Figure("commit to visible, p99", millis[COMMITS * 99 // 100], "ms", goal="1,000 ms"),
    ]


async def _connected(port: int) -> Asker:
    """The first start makes a database before anything listens."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return Asker(*await asyncio.open_connection("127.0.0.1", port))
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)


async def _measured(asker: Asker, people: list[Person]) -> list[float]:
    chance = random.Random(1)
    millis = []
    for number in range(COMMITS):
        await asyncio.sleep(chance.expovariate(1 / MEAN_PAUSE_SECONDS))
        sent = time.perf_counter()  # signing, 0.1 ms, is counted too
        written = await chance.choice(people).write(makers.track(f"Track {number}"))
        await asker.until_seen(written.uri)
        millis.append((time.perf_counter() - sent) * 1000)
    return millis
