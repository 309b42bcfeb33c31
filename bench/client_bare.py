"""The yardstick: a bare `websockets` client that counts what it receives."""

import sys
import time

import uvloop
from websockets.asyncio.client import connect

from bench.processes import tell


async def main(port: int, total: int) -> None:
    url = f"ws://127.0.0.1:{port}/xrpc/com.atproto.sync.subscribeRepos"
    async with connect(
        url, proxy=None, compression=None, max_size=5_000_000, max_queue=256
    ) as socket:
        count = 0
        started, cpu_started = time.perf_counter(), time.process_time()
        async for _ in socket:
            count += 1
            if count == total:
                break
        cpu_seconds = time.process_time() - cpu_started
        tell(rate=total / (time.perf_counter() - started), cpu_micros=cpu_seconds / total * 1e6)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
