"""R45: what labelers say that the operator trusts, from their streams to what is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.conftest import new_database
from tests.network.labeler import Labeler
from tests.network.makers import track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.network.world import World
from tests.support import wait_until


@dataclass
class Labelled(Stage):
    """`strict` signs with P-256."""

    kind: Labeler
    strict: Labeler


@pytest.fixture(scope="module")
async def stage(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Labelled]:
    async with new_database(postgres_url, template) as database_url:
        world = await World.start()
        kind = await Labeler.start(world, "kind")
        strict = await Labeler.start(world, "strict", "p256")
        settings = {"PLYR_LABELERS": f"{kind.did}, {strict.did}"}
        program = Program(
            world, database_url, tmp_path_factory.mktemp("program"), settings=settings
        )
        try:
            begun = await Stage.start(world, program)
            yield Labelled(world, program, begun.witness, kind, strict)
        finally:
            if program.is_running:
                await program.terminate()
            for labeler in (kind, strict):
                await labeler.stream.close()
            await world.stop()


async def until_shown(story: Story, uri: str, *, shown: bool = True) -> None:
    async def agrees() -> bool:
        return await story.is_shown(uri) is shown

    await wait_until(agrees)


async def test_R45_a_track_is_hidden_until_its_labeler_says_otherwise(
    story: Story, stage: Labelled
) -> None:
    alice = await story.person()
    song = await alice.write(track("Taken down"))
    await story.holds()
    stage.kind.says("!takedown", song.uri)
    await until_shown(story, song.uri, shown=False)
    stage.kind.takes_back("!takedown", song.uri)
    await until_shown(story, song.uri)
