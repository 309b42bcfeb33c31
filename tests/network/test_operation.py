"""Checklist 151-154: stopping, a database that goes away, figures, and one who writes too much."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from tests.network import http
from tests.network.http import free_port
from tests.network.makers import like, track
from tests.network.program import Program
from tests.network.repo import Write
from tests.network.story import Stage, Story
from tests.support import wait_until


async def test_case_151_a_stop_signal_drains_saves_the_cursor_and_ends(story: Story) -> None:
    alice, _ = await story.known()
    for number in range(50):
        await alice.write(track(f"Until the end {number}"))
    took = await story.program.terminate()
    assert took < 10
    assert story.program.returncode == 0, story.program.log_tail()
    cursor = await story.program.cursor()
    await story.program.start()
    await wait_until(lambda: story.world.relay.subscribers)
    assert story.world.relay.cursors_asked[-1] == cursor
    await story.holds()


async def test_case_151_a_stop_during_a_walk_that_hangs_ends_too(story: Story) -> None:
    alice, _ = await story.known()
    answering = asyncio.Event()
    alice.pds.faults.on("com.atproto.sync.getBlocks", http.held(answering))
    fetched = alice.repo_requests()
    with story.world.relay.losing():
        await alice.write(track("Unheard"))
    await alice.sync()
    await wait_until(lambda: alice.repo_requests() > fetched)
    assert await story.program.terminate() < 10
    answering.set()
    alice.pds.faults.clear()
    await story.program.start()
    await story.holds()


class Line:
    """A TCP line to Postgres that can be cut."""

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()

    @property
    def url(self) -> str:
        user = f"{self._parts.username}@" if self._parts.username else ""
        return f"postgresql://{user}127.0.0.1:{self.port}{self._parts.path}"

    async def _far_end(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        query = parse_qs(self._parts.query)
        host = query.get("host", [self._parts.hostname or "127.0.0.1"])[0]
        port = int(query.get("port", [self._parts.port or 5432])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._far_end()
        self._writers |= {writer, far_writer}
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def open(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def stall(self) -> None:
        """Neither pass anything on nor close: a server that hangs, a net that drops packets."""
        self._flows.clear()

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flows.set()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@asynccontextmanager
async def on_a_line(program: Program) -> AsyncIterator[Line]:
    line = Line(program.database_url)
    await line.open()
    program.settings = {"PLYR_DATABASE_URL": line.url}
    try:
        async with program:
            yield line
    finally:
        await line.cut()


async def test_case_152_a_database_that_goes_away_loses_nothing(lonely_program: Program) -> None:
    async with on_a_line(lonely_program) as line:
        story = Story(await Stage.start(lonely_program.world, lonely_program))
        alice, song = await story.known()
        await line.cut()

        async def unwell() -> bool:
            return (await lonely_program.get("/xrpc/_health")).status_code == 503

        await wait_until(unwell)
        await alice.update(song, track("Written meanwhile"))
        bob = await story.person("bob")
        await bob.write(like(song))
        await asyncio.sleep(3)
        await line.open()

        async def well() -> bool:
            return (await lonely_program.get("/xrpc/_health")).status_code == 200

        await wait_until(well, 20)
        await story.holds(timeout_seconds=30)


async def test_case_152_a_database_without_room_loses_nothing(story: Story) -> None:
    alice, song = await story.known()
    await story.program.rows(
        """
        create function no_room() returns trigger language plpgsql as $$
        begin
            raise 'could not extend file: No space left on device' using errcode = 'disk_full';
        end
        $$
        """
    )
    await story.program.rows(
        "create trigger no_room before insert or update on track execute function no_room()"
    )

    async def noticed() -> bool:
        return "No space left" in story.program.log_tail()

    await alice.update(song, track("Written meanwhile"))
    await wait_until(noticed)
    assert (await story.program.get("/xrpc/_health")).status_code == 200
    await story.program.rows("drop function no_room cascade")
    await story.holds(timeout_seconds=30)


async def test_a_stop_ends_in_time_though_the_database_hangs(lonely_program: Program) -> None:
    async with on_a_line(lonely_program) as line:
        story = Story(await Stage.start(lonely_program.world, lonely_program))
        alice, _ = await story.known()
        line.stall()
        await alice.write(track("Unheard of"))
        assert await lonely_program.terminate() < 13


async def test_case_153_the_metrics_tell_how_it_goes(story: Story) -> None:
    alice, _ = await story.known()
    await alice.forge(lambda event: event.saying(rev="not a rev"))
    await story.passes()
    text = await story.program.scrape()
    names = set(re.findall(r"^# TYPE (plyr_\w+)", text, re.MULTILINE))
    for what in ("lag", "last_seq", "repos", "rejected", "queued", "resyncs"):
        assert any(what in name for name in names), (what, sorted(names))
    assert await story.program.metric("plyr_repos", state="synchronized") >= 2
    assert await story.program.metric("plyr_last_seq") >= story.world.relay.seq - 5


async def test_case_154_one_who_writes_ten_thousand_commits_stops_nobody(story: Story) -> None:
    alice, song = await story.known()
    hot = await story.person("hot")
    songs = [await hot.write(track(f"No. {number}")) for number in range(5)]
    await story.holds()
    before = story.program.peak_megabytes()
    for number in range(10_000):
        value = track(f"Version {number}")
        await hot.commit([Write("update", songs[number % 5].path, value)])
        if number % 50 == 0:
            await asyncio.sleep(0)
    await alice.update(song, track("Meanwhile"))
    await story.stage.passes(60)
    await story.holds(timeout_seconds=30)
    assert story.program.peak_megabytes() < before + 200
