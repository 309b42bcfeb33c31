"""Our indexer on a real socket and a real Postgres, until it has settled so many events.

Foreign frames are done with when they are received: that the cursor follows within a second of
idleness is checked, but belongs to no frame. Commits are done with when they are written.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
import uvloop

from bench.material import SEQ_BASE
from bench.processes import tell
from bench.tools import local_tools
from indexer.relay import Relay
from indexer.sequencer import Retention, Sequencer
from indexer.service import build_pipeline
from xrpc.tasks import end


async def main(port: int, total: int, foreign_bytes: int, database_url: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    origin = f"ws://127.0.0.1:{port}"
    async with local_tools(database_url) as tools:
        pipeline = await build_pipeline(tools, "fm.plyr", f"bench-{port}")
        relay = Relay(
            origin=origin,
            client=tools.client,
            pipeline=pipeline,
            pool=tools.pool,
            replay_max=timedelta(hours=1),
            now=tools.now,
            on_gap=lambda: None,
        )
        sequencer = Sequencer(
            tools.pool, pipeline.wakes.numbering, Retention(72, 1_000_000), tools.now
        )
        running = [
            asyncio.create_task(pipeline.run()),
            asyncio.create_task(relay.run()),
            asyncio.create_task(sequencer.run()),
        ]

        async def until(is_done: Callable[[], bool], poll_seconds: float = 0.005) -> None:
            while not is_done():
                await asyncio.sleep(poll_seconds)
                for task in running:
                    if task.done():
                        task.result()

        await until(lambda: relay.connected, poll_seconds=0)
        started, cpu_started = time.perf_counter(), time.process_time()
        last = SEQ_BASE + total - 1
        if foreign_bytes:
            await until(lambda: relay.received_bytes >= foreign_bytes)
        else:
            await until(lambda: pipeline.settled_seq >= last)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        await until(lambda: pipeline.settled_seq >= last)
        tell(rate=total / seconds, cpu_micros=cpu_seconds / total * 1e6)
        await end(running)


if __name__ == "__main__":
    port, total, foreign_bytes = map(int, sys.argv[1:4])
    uvloop.run(main(port, total, foreign_bytes, sys.argv[4]))
