"""Run the benchmarks named on the command line, or all of them; `data` fills a database."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from bench import (
    catalogue,
    endpoints,
    fan_out,
    filled,
    ingest,
    large_account,
    latest,
    memory,
    playback,
    proof,
    search,
    visible,
    walks,
)
from bench.report import Figure, load, machine, say

BENCHMARKS: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "foreign": ingest.foreign,
    "proof": proof.proof,
    "own": ingest.own,
    "filled": filled.filled,
    "million": walks.million,
    "repos": walks.repos,
    "latest": latest.latest,
    "search": search.search,
    "endpoints": endpoints.endpoints,
    "visible": visible.visible,
    "steady": visible.steady,
    "large-account": large_account.large_account,
    "fan-out": fan_out.fan_out,
    "playback": playback.playback,
    "memory": memory.memory_of_each,
}
LONG = {"filled", "endpoints", "large-account"}
"""Only when named."""


async def main(names: list[str]) -> None:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    say(f"# {machine()}")
    for name in names or [name for name in BENCHMARKS if name not in LONG]:
        say(f"## {name}, {load()}")
        for figure in await BENCHMARKS[name]():
            say(figure.line())


def arguments_of_data(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench data")
    parser.add_argument("--size", choices=catalogue.SIZES, default="100k")
    parser.add_argument("--database-url", required=True, help="of an empty database")
    return parser.parse_args(given)


if __name__ == "__main__":
    if sys.argv[1:2] == ["data"]:
        wanted = arguments_of_data(sys.argv[2:])
        asyncio.run(catalogue.data(wanted.size, wanted.database_url))
    else:
        asyncio.run(main(sys.argv[1:]))
