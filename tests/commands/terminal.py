"""Commands beside a running program, as an operator gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tests.network.program import COMMAND, ROOT, Program

Json = dict[str, Any]
COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Json]:
        return [orjson.loads(line) for line in self.out.splitlines()]


async def command(
    program: Program, *arguments: str, settings: Mapping[str, str] | None = None
) -> Ended:
    process = await asyncio.create_subprocess_exec(
        str(COMMAND),
        *arguments,
        cwd=ROOT,
        env={**program.environment(), **(settings or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{arguments} does not end within {COMMAND_SECONDS} s") from None
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
