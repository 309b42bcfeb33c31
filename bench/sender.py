"""A relay that sends what it is given as fast as the socket takes it; a process of its own.

It serves subscribeRepos and nothing else. `later`: it begins when a line comes on its input.
"""

import asyncio
import base64
import hashlib
import sys
from pathlib import Path

from bench.material import passes

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK_BYTES = 1 << 20
NOT_SERVED = (
    b"HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json\r\nContent-Length: 32\r\n"
    b'Connection: close\r\n\r\n{"error":"MethodNotImplemented"}'
)


async def main(path: Path, total: int, when: str) -> None:
    begun = asyncio.Event()
    if when == "now":
        begun.set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = header(head, b"sec-websocket-key")
        try:
            if key is None:
                writer.write(NOT_SERVED)
            else:
                await subscribed(reader, writer, key)
        except ConnectionError:
            pass
        writer.close()

    async def subscribed(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes
    ) -> None:
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await begun.wait()
        for messages in passes(path, total):
            for start in range(0, len(messages), CHUNK_BYTES):
                writer.write(messages[start : start + CHUNK_BYTES])
                await writer.drain()
        await reader.read()  # until the client has had enough

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        while await asyncio.to_thread(sys.stdin.readline):  # ends with the process that started us
            begun.set()


def header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
