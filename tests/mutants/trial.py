"""One run of some tests in a copy, and what came of it."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree as ET

from tests.mutants.copies import Copy

STOP_SECONDS = 30


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    HUNG = "hung"
    UNFIT = "unfit"
    """Skipped, not found, or in trouble before or after: says nothing about the bug."""


@dataclass(frozen=True, slots=True)
class Trial:
    verdict: Verdict
    seconds: float
    by: str = ""
    output: str = ""


async def run(copy: Copy, tests: Sequence[str], database_url: str, timeout_seconds: float) -> Trial:
    report = copy.folder / "report.xml"
    report.unlink(missing_ok=True)
    begun = asyncio.get_running_loop().time()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
        *(f"--junitxml={report}", *tests),
        cwd=copy.folder,
        env=copy.environment() | {"PLYR_TEST_DATABASE_URL": database_url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    ending = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({ending}, timeout=timeout_seconds)
    if not done:
        process.send_signal(signal.SIGINT)  # so that the tests can end what they have started
        await asyncio.wait({ending}, timeout=STOP_SECONDS)
        if process.returncode is None:
            process.kill()
    output = (await ending)[0].decode(errors="replace")
    seconds = asyncio.get_running_loop().time() - begun
    if not done:
        return Trial(Verdict.HUNG, seconds, output=output)
    if not report.exists():
        return Trial(Verdict.UNFIT, seconds, output=output)
    verdict, by = read(report.read_text())
    return Trial(verdict, seconds, by, output)


def read(report: str) -> tuple[Verdict, str]:
    """By a report of pytest's, and the test that it hangs on."""
    cases = list(ET.fromstring(report).iter("testcase"))
    for outcome, verdict in (
        ("failure", Verdict.FAILED),
        ("error", Verdict.UNFIT),
        ("skipped", Verdict.UNFIT),
    ):
        for case in cases:
            if case.find(outcome) is not None:
                return verdict, case.get("name", "")
    return (Verdict.PASSED if cases else Verdict.UNFIT), ""
