"""Our indexer on a real socket and a real Postgres, until it has settled so many events."""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
import uvloop

from bench.material import SEQ_BASE
from indexer.relay import Relay
from indexer.service import Tools, build_pipeline
from lexicons.catalog import load_catalog
from migrations.database import open_database
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.remote import Remote


async def main(port: int, total: int, database_url: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    origin = f"ws://127.0.0.1:{port}"
    client = GuardedClient(
        allow_private_addresses=True, user_agent="bench", trusted_origins=frozenset({origin})
    )
    async with (
        open_database(database_url, Path()) as database,
        client,
        IdentityResolver(
            client, "http://127.0.0.1:9", None, IdentityStore(database.pool)
        ) as people,
    ):
        tools = Tools(
            pool=database.pool,
            catalog=load_catalog("fm.plyr"),
            client=client,
            resolver=people,
            remote=Remote(client, time.monotonic),
            now=lambda: datetime.now(UTC),
        )
        pipeline = await build_pipeline(tools, "fm.plyr", f"bench-{port}")
        relay = Relay(
            origin=origin,
            client=client,
            pipeline=pipeline,
            pool=database.pool,
            replay_max=timedelta(hours=1),
            now=tools.now,
            on_gap=lambda: None,
        )
        started = time.perf_counter()
        running = [asyncio.create_task(pipeline.run()), asyncio.create_task(relay.run())]
        last = SEQ_BASE + total - 1
        while pipeline.settled_seq < last:
            await asyncio.sleep(0.01)
            for task in running:
                if task.done():
                    task.result()
        sys.stdout.write(f"{total / (time.perf_counter() - started)}\n")
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
