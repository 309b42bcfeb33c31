"""Run the benchmarks named on the command line, or all of them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from bench import ingest, latest, memory, visible
from bench.report import Figure, load, machine, say

BENCHMARKS: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "foreign": ingest.foreign,
    "own": ingest.own,
    "latest": latest.latest,
    "visible": visible.visible,
    "memory": memory.memory_of_each,
}


async def main(names: list[str]) -> None:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    say(f"# {machine()}")
    for name in names or BENCHMARKS:
        say(f"## {name}, {load()}")
        for figure in await BENCHMARKS[name]():
            say(figure.line())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
