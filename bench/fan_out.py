"""How many events a server process sends, to many subscribers at once."""

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.databases import own_index
from bench.processes import cpu_seconds, is_healthy, memory, program
from bench.report import Figure, say
from indexer.sequencer import Retention, Sequencer
from migrations.database import Pool, create_pool
from tests.network.http import free_port
from tests.support import wait_until

SUBSCRIBERS = 500
EVENTS = 1_000
EVENTS_AT_ONCE = 20

# Likes of a usual size, each a record of its own.
FILL = """
with likes as (
    insert into record (did, collection, rkey, cid, rev, state, counted, value)
    select 'did:plc:someone', 'fm.plyr.like', number, 'c', 'r', 'valid', true, $1
    from generate_series(1, $2) as number
    returning *
)
insert into stream.outbox (kind, did, collection, rkey, rev, cid, action, live)
select 'record', did, collection, rkey, rev, cid, 'create', true from likes
"""
RECORD = b"\xa1ax\x79\x00\xe6" + b"x" * 230


async def fan_out() -> list[Figure]:
    say(
        f"# {SUBSCRIBERS} subscribers of one process, {EVENTS:,} events, {EVENTS_AT_ONCE} at a time"
    )
    with tempfile.TemporaryDirectory() as folder:
        async with own_index() as url:
            port = free_port()
            serving = program(
                "serve",
                Path(folder),
                database_url=url,
                port=port,
                metrics_listen="off",
                rate_limit_requests=0,
                max_subscribers_per_caller=SUBSCRIBERS,
            )
            async with serving as pid, create_pool(url) as pool:
                await wait_until(lambda: asyncio.to_thread(is_healthy, port), 60)
                return await _measured(pool, port, pid)


async def _measured(pool: Pool, port: int, pid: int) -> list[Figure]:
    await pool.execute("insert into account (did) values ('did:plc:someone')")
    await pool.execute(FILL, RECORD, EVENTS)
    arguments = [str(port), str(SUBSCRIBERS), str(EVENTS)]
    listeners = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.listeners", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert listeners.stdout is not None
    assert await listeners.stdout.readline() == b"ready\n"
    before = cpu_seconds(pid)
    sequencer = Sequencer(
        pool, asyncio.Event(), Retention(72, 1_000_000), lambda: datetime.now(UTC)
    )
    while await sequencer.number(EVENTS_AT_ONCE):
        pass
    said = json.loads(await listeners.stdout.readline())
    used, held = cpu_seconds(pid) - before, memory([pid])
    await listeners.wait()
    sent = SUBSCRIBERS * EVENTS
    note = (
        f"{said['bytes'] / sent:.0f} bytes an event; CPU of the server "
        f"{used / sent * 1e6:.1f} us for each that it sent; {held}"
    )
    return [Figure("events to subscribers", sent / said["seconds"], "/s", note=note)]
