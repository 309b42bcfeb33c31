"""Processes of the benchmarks: started on a free port, ended with us."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def sending(path: Path, total: int) -> AsyncIterator[int]:
    """The port of a relay that sends `total` messages."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.sender",
        str(path),
        str(total),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def measured(module: str, *arguments: str) -> float:
    """Run a module that prints one number, in a process of its own, and give the number."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} {arguments} ended with {process.returncode}")
    return float(output.split()[-1])


def peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
