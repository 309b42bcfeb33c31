"""An indexer taken by the hand: each test calls the step that it is about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from indexer.discovery import Discovery
from indexer.pipeline import Pipeline
from indexer.resync import Resync
from indexer.service import Tools, build_pipeline
from indexer.spool import Spool
from indexer.watch import Watch
from migrations.database import Pool
from tests.indexer.tools import tools
from tests.network.makers import track
from tests.network.repo import CommitEvent
from tests.network.world import Person, World

LATEST_COMMIT = "com.atproto.sync.getLatestCommit"


@dataclass(slots=True)
class Scene:
    """An index that is complete, beside a world whose relay tells it nothing."""

    world: World
    alice: Person
    tools: Tools
    pipeline: Pipeline
    resync: Resync
    gaps: int = 0

    def watch(self, later: timedelta) -> Watch:
        return Watch(
            pipeline=self.pipeline,
            resolver=self.tools.resolver,
            remote=self.tools.remote,
            client=self.tools.client,
            second_origin=None,
            sample_seconds=1,
            now=lambda: datetime.now(UTC) + later,
            on_gap=self.note_gap,
        )

    def note_gap(self) -> None:
        self.gaps += 1

    async def walk_what_is_due(self) -> None:
        while (did := await self.resync.claim()) is not None:
            await self.resync.resync(did)

    async def tracks(self) -> set[str]:
        return {row["title"] for row in await self.tools.pool.fetch("select title from track")}


@asynccontextmanager
async def complete(pool: Pool, folder: Path) -> AsyncIterator[Scene]:
    async with (
        World.open() as world,
        tools(pool, world.directory.url, allow_private_addresses=True) as given,
    ):
        person = await world.person("alice")
        await person.write(track("First"))
        pipeline = await build_pipeline(given, "fm.plyr", host=None)
        origin = world.relay.http_url
        await Discovery(pool, pipeline, given.remote, origin, given.now).discover()
        resync = Resync(
            pool=pool,
            pipeline=pipeline,
            resolver=given.resolver,
            remote=given.remote,
            relay_origin=None,
            spool=Spool(given.remote, folder, max_repo_bytes=1 << 20, min_free_bytes=0),
            now=given.now,
        )
        scene = Scene(world, person, given, pipeline, resync)
        await scene.walk_what_is_due()
        assert await scene.tracks() == {"First"}
        yield scene


async def untold(person: Person, title: str) -> CommitEvent:
    """A commit that really happened and that the relay does not tell."""
    events: list[CommitEvent] = []
    await person.write(track(title), told=events.append)
    return events[0]
