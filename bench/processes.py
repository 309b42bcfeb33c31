"""Processes of the benchmarks: started on a free port, ended with us, looked at from outside."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Listener:
    ports: Sequence[int]
    pid: int
    stdin: asyncio.StreamWriter

    @property
    def port(self) -> int:
        return self.ports[0]

    def begin(self) -> None:
        """For one that was told to wait for the word."""
        self.stdin.write(b"\n")


@asynccontextmanager
async def listening(module: str, *arguments: object) -> AsyncIterator[Listener]:
    """A module that prints its port, or several, and ends when its input does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} ended before it listened")
        yield Listener([int(port) for port in line.split()], process.pid, process.stdin)
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def program(command: str, folder: Path, **settings: object) -> AsyncIterator[int]:
    """`plyr-appview COMMAND` with those settings alone, and its pid."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PLYR_")}
    # All that a benchmark asks comes from one address: limited as shipped, the limit never reached.
    given = {"PLYR_RATE_LIMIT_REQUESTS": "1000000000"}
    # No host of others is asked for sound that was made up.
    given |= {"PLYR_TRUSTED_MEDIA_HOSTS": "localhost:9"}
    given |= {f"PLYR_{name.upper()}": str(value) for name, value in settings.items()}
    with (folder / f"{command}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("plyr-appview")),
            command,
            env=kept | given,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            await process.wait()


async def measured(module: str, *arguments: object) -> Mapping[str, Any]:
    """Run a module that prints one JSON object last, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} {arguments} ended with {process.returncode}")
    result: Mapping[str, Any] = json.loads(output.splitlines()[-1])
    return result


def tell(**result: object) -> None:
    """What `measured` reads."""
    sys.stdout.write(json.dumps(result) + "\n")


async def until_we_end(*ports: int) -> None:
    """What `listening` reads, and then until the process that started this one has ended."""
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


def is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/xrpc/_health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def counts(port: int) -> dict[str, int]:
    """What a host of blobs or of repos was asked."""
    with urlopen(f"http://127.0.0.1:{port}/counts", timeout=60) as answer:
        found: dict[str, int] = json.load(answer)
        return found


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def cpu_millis(pid: int) -> float:
    """The same of a process with one thread, by the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """In MiB. PSS counts a shared page once among those who share it, so it may be added up."""

    rss: float
    pss: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss)

    def __str__(self) -> str:
        return f"RSS {self.rss:.0f}, PSS {self.pss:.0f} MiB"


def memory(pids: Iterable[int]) -> Memory:
    total = Memory(0, 0)
    for pid in pids:
        sizes = {
            line.split(":")[0]: int(line.split()[1]) / 1024
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        }
        total += Memory(sizes["Rss"], sizes["Pss"])
    return total


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is the folder: Postgres runs in its own."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:
            continue
    return found
