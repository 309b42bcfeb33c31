"""One world and one running program a module; the people are new for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from tests.databases import new_database
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.network.world import World


@pytest.fixture(scope="module")
async def stage(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with (
        new_database(postgres_url, template) as database_url,
        World.open() as world,
        Program(world, database_url, tmp_path_factory.mktemp("program")) as program,
    ):
        yield await Stage.start(world, program)


@pytest.fixture
async def story(stage: Stage) -> AsyncIterator[Story]:
    """A test that broke the program does not break the tests after it."""
    if not stage.program.is_running:
        await stage.program.start()
    yield Story(stage)
    for server in (stage.world.directory, *stage.world.pdses):
        server.faults.clear()


@pytest.fixture
async def lonely_program(database_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """A program not started yet, with a world and a database of its own."""
    async with (
        World.open() as world,
        Program(world, database_url, tmp_path / "program") as program,
    ):
        yield program


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            program = getattr(value, "program", value)
            if isinstance(program, Program):
                report.sections.append(("the program's log", program.log_tail()))
                break
    return report
