"""A second reader of the PDS's stream, so that its own delay is not taken for ours.

After a quiet moment the reference PDS polls its log of events only once a second.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import websockets

from tests.reference.network import Network, Written
from tests.support import wait_until


@dataclass(slots=True)
class Firehose:
    frames: list[tuple[float, bytes]] = field(default_factory=list)

    async def emitted_at(self, record: Written) -> float:
        """When the commit with this version of the record came out, by time.monotonic."""
        path = record.uri.split("/", 3)[3].encode()
        rev = record.rev.encode()

        def moments() -> list[float]:
            return [moment for moment, frame in self.frames if path in frame and rev in frame]

        await wait_until(moments)
        return moments()[0]

    async def read(self, socket: websockets.ClientConnection) -> None:
        async for frame in socket:
            assert isinstance(frame, bytes)
            self.frames.append((time.monotonic(), frame))


@asynccontextmanager
async def listening(network: Network) -> AsyncIterator[Firehose]:
    url = f"ws://127.0.0.1:{network.pds_port}/xrpc/com.atproto.sync.subscribeRepos"
    firehose = Firehose()
    async with websockets.connect(url, proxy=None, max_size=None) as socket:
        reading = asyncio.create_task(firehose.read(socket))
        try:
            yield firehose
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
