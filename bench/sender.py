"""A relay that sends what it is given as fast as the socket takes it; a process of its own."""

import asyncio
import base64
import hashlib
import sys
from pathlib import Path

from bench.material import passes

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK_BYTES = 1 << 20


async def main(path: Path, total: int) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b":", 1)[1].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        try:
            for messages in passes(path, total):
                for start in range(0, len(messages), CHUNK_BYTES):
                    writer.write(messages[start : start + CHUNK_BYTES])
                    await writer.drain()
            await reader.read()  # until the client has had enough
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await asyncio.to_thread(sys.stdin.read)  # ends with the process that started us


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
