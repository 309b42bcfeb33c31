"""Many subscribers in one process: each reads its WebSocket as fast as it can, and counts.

Frames are counted by their heads; what is in them is the tests' business.
"""

import asyncio
import sys
import time

import uvloop

from bench.processes import tell

PATH = "/xrpc/fm.plyr.sync.subscribeEvents"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


async def open_stream(port: int) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"GET {PATH}?cursor=0 HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n"
        f"upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    )
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    reader.writer = writer  # type: ignore[attr-defined]  # kept open as long as it is read
    return reader


async def read(reader: asyncio.StreamReader, events: int) -> int:
    """Give how many bytes so many binary frames had."""
    size = 0
    while events:
        first, length = await reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        await reader.readexactly(length)
        if first & 0x0F == 2:
            events -= 1
            size += length
    return size


async def main(port: int, subscribers: int, events: int) -> None:
    readers = [await open_stream(port) for _ in range(subscribers)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    first = [await read(reader, 1) for reader in readers]
    started = time.perf_counter()
    sizes = await asyncio.gather(*(read(reader, events - 1) for reader in readers))
    tell(seconds=time.perf_counter() - started, bytes=sum(first) + sum(sizes))


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:4])))
