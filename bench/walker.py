"""Our walks of many repos, or the yardstick: their bare getRepo downloads by as many workers."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvloop

from bench.processes import tell
from bench.tools import local_tools
from indexer.repo_state import State
from indexer.resync import Resync
from indexer.service import build_pipeline
from indexer.spool import Spool
from lexicons.syntax import Did

WORKERS = 6
"""What PLYR_RESYNC_WORKERS is unless set."""
MAX_REPO_BYTES = 1 << 30

Work = Callable[[Resync, list[tuple[Did, str]]], Awaitable[None]]


@asynccontextmanager
async def resyncing(database_url: str, folder: Path) -> AsyncIterator[Resync]:
    async with local_tools(database_url) as tools:
        yield Resync(
            pool=tools.pool,
            pipeline=await build_pipeline(tools, "fm.plyr", None),
            resolver=tools.resolver,
            remote=tools.remote,
            relay_origin=None,
            spool=Spool(tools.remote, folder, MAX_REPO_BYTES, 0),
            now=tools.now,
        )


async def walk_all(resync: Resync, wanted: list[tuple[Did, str]]) -> None:
    """As discovery calls for them, until the last is synchronized."""
    repos = resync.pipeline.repos
    async with resync.pipeline.desk:
        steps = [resync.pipeline.track(did, "bench") for did, _ in wanted]
        await resync.pipeline.writer.write(steps, None)
    workers = asyncio.create_task(resync.run(WORKERS))
    for did, _ in wanted:
        while repos[did].state is not State.SYNCHRONIZED:
            await asyncio.sleep(0.005)
            assert not resync.failing, resync.failing
            assert not workers.done(), workers.exception()
    async with resync.pipeline.desk:  # what is so in memory has been written
        workers.cancel()
    await asyncio.gather(workers, return_exceptions=True)


async def download_all(resync: Resync, wanted: list[tuple[Did, str]]) -> None:
    """To nowhere."""
    await _download(resync, wanted, lambda _: None)


async def spool_all(resync: Resync, wanted: list[tuple[Did, str]]) -> None:
    """To disk, as a whole repo is before it is read."""
    with tempfile.TemporaryFile(dir=resync.spool.folder) as file:
        await _download(resync, wanted, file.write)


async def _download(
    resync: Resync, wanted: list[tuple[Did, str]], take: Callable[[bytes], object]
) -> None:
    waiting = iter(wanted)

    async def work() -> None:
        for did, origin in waiting:
            async with resync.remote.download(
                origin,
                "com.atproto.sync.getRepo",
                [("did", did)],
                max_bytes=MAX_REPO_BYTES,
                timeout_seconds=600,
            ) as answered:
                async for chunk in answered.chunks():
                    take(chunk)

    await asyncio.gather(*(work() for _ in range(WORKERS)))


WORK: dict[str, Work] = {"walk": walk_all, "download": download_all, "spool": spool_all}


async def main(kind: str, database_url: str, folder: Path) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    async with resyncing(database_url, folder) as resync:
        rows = await resync.pool.fetch(
            "select did, pds from account where pds is not null order by did"
        )
        before = _peak_kib()
        started, cpu_started = time.perf_counter(), time.process_time()
        await WORK[kind](resync, [(Did(row["did"]), row["pds"]) for row in rows])
        tell(
            seconds=time.perf_counter() - started,
            cpu_seconds=time.process_time() - cpu_started,
            before_mib=before / 1024,
            peak_mib=_peak_kib() / 1024,
        )


def _peak_kib() -> int:
    """Resident, since the process began."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
