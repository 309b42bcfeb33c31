"""The audit of a running program's index, and its mending: quicker here than as commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appview.commands.audit import build_audit
from appview.commands.resync import resync
from appview.composition import open_reading_tools
from appview.config import from_env
from indexer.audit import Audit
from indexer.differences import Difference
from lexicons.syntax import Did
from tests.network.program import Program
from tests.network.world import Person


@asynccontextmanager
async def auditor(program: Program, grace_seconds: float = 0.1) -> AsyncIterator[Audit]:
    config = from_env(program.environment())
    async with open_reading_tools(config) as tools:
        yield build_audit(config, tools, grace_seconds)


async def differences(
    program: Program, *people: Person, grace_seconds: float = 0.1
) -> list[Difference]:
    """Between the index and the network, about these or about everybody."""
    async with auditor(program, grace_seconds) as audit:
        named = [Did(person.did) for person in people] or None
        found: list[Difference] = []
        async for looked in audit.looks(named or await audit.known_dids()):
            assert not looked.failures, looked
            found += looked.differences
        return found + await audit.counts(named)


async def named_by_audit(program: Program, *people: Person) -> set[tuple[str, str]]:
    found = await differences(program, *people)
    return {(each.kind, each.subject) for each in found}


async def resynced(program: Program, *people: Person) -> bool:
    """Walk their repos in full; False if one of the walks failed."""
    config = from_env(program.environment())
    dids = [person.did for person in people]
    return await resync(config, dids, everything=False, wait=True, as_json=True) == 0
