"""Programs that are not ours, run to their end."""

import asyncio
import os
from pathlib import Path

PATIENCE_SECONDS = 120


async def run(
    *command: str, folder: Path, told: bytes = b"", path: Path | None = None
) -> tuple[int, str]:
    """Its exit code, and what it said on both of its outputs."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PLYR_")}
    if path is not None:
        environment["PATH"] = f"{path}{os.pathsep}{environment.get('PATH', os.defpath)}"
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        output, _ = await process.communicate(told)
    assert process.returncode is not None
    return process.returncode, output.decode()
