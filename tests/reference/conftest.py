"""A reference network for the whole run, and our program beside it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.reference.install import Installation, Unsupported, install
from tests.reference.network import Network, reference_network
from tests.reference.population import Population, populate
from tests.reference.program import ROOT, Program

# Before it is imported: its assertions are to show the difference.
pytest.register_assert_rewrite("tests.reference.agreement")

MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def installation() -> Installation:
    try:
        return install()
    except Unsupported as reason:
        pytest.skip(f"the reference PDS cannot run here: {reason}")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="plyr-reference-"))
    yield path
    shutil.rmtree(path)


@pytest_asyncio.fixture(scope="session")
async def network(installation: Installation, folder: Path) -> AsyncIterator[Network]:
    async with reference_network(installation, folder, ROOT / "lexicons") as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def early(network: Network) -> Population:
    """Everything that was there before our program ever ran."""
    return await populate(network)


@pytest_asyncio.fixture(scope="session")
async def program(
    network: Network,
    early: Population,  # noqa: ARG001 - comes first
    folder: Path,
) -> AsyncIterator[Program]:
    ours = Program.beside(network, folder)
    try:
        await ours.start()
        yield ours
    finally:
        await ours.close()


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a figure at the end of the run."""
    return request.config.stash.setdefault(MEASURED, []).append


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    arguments = getattr(item, "funcargs", {}).values()
    if report.failed:
        for program in (value for value in arguments if isinstance(value, Program)):
            report.sections.append(("the program's status", program.status()))
            report.sections.append(("the program's log", program.log_tail()))
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(f"measured: {line}")
