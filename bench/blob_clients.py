"""Listeners of blobs, a process of their own: HTTP/1.1 on raw sockets.

`ranges` asks for one random range after another; `slowly` listens at the pace of music; `at-once`
has all ask for the whole at the same moment.
"""

import asyncio
import random
import sys
import time
from typing import cast

import uvloop

from bench.processes import tell

WARM_UP_SECONDS = 0.3
SIP = 16 << 10


class Ranger(asyncio.Protocol):
    def __init__(self, path: str, size: int, length: int) -> None:
        self.path, self.size, self.length = path, size, length
        self.left, self.head = 0, b""
        self.answers = self.received = 0
        self.is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)
        self.ask()

    def ask(self) -> None:
        start = random.randrange(self.size - self.length + 1)
        asked = f"range: bytes={start}-{start + self.length - 1}\r\n"
        self.transport.write(f"GET {self.path} HTTP/1.1\r\nhost: x\r\n{asked}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 206"), head
            self.left, self.head = self.length, b""
        self.left -= len(data)
        self.received += len(data)
        if self.left == 0:
            self.answers += 1
            if not self.is_over:
                self.ask()


async def ranges(
    port: int, path: str, size: int, length: int, clients: int, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    all_of_them = [Ranger(path, size, length) for _ in range(clients)]
    for one in all_of_them:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(WARM_UP_SECONDS)
    for one in all_of_them:
        one.answers = one.received = 0
    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    answers = sum(one.answers for one in all_of_them)
    received = sum(one.received for one in all_of_them)
    for one in all_of_them:
        one.is_over = True
        one.transport.close()
    tell(rate=answers / took, bytes=received / took, client_cpu=cpu / took)


async def asked(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=SIP)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    return reader, writer


async def slowly(
    port: int, paths: list[str], clients: int, bytes_a_second: int, seconds: float
) -> None:
    async def listen(number: int) -> int:
        reader, writer = await asked(port, paths[number % len(paths)])
        begun, got = time.perf_counter(), 0
        while (now := time.perf_counter() - begun) < seconds:
            sip = await reader.read(SIP)
            assert sip, "the connection ended"
            got += len(sip)
            await asyncio.sleep(max(got / bytes_a_second - now, 0))
        writer.close()
        return got

    tell(bytes=sum(await asyncio.gather(*(listen(number) for number in range(clients)))))


async def at_once(port: int, path: str, clients: int) -> None:
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
    begun = time.perf_counter()
    for _, writer in waiting:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, int]:
        head = await reader.readuntil(b"\r\n\r\n")
        size = 0
        while chunk := await reader.read(1 << 18):
            size += len(chunk)
        writer.close()
        return head[9:12], size

    heard = await asyncio.gather(*(hear(*one) for one in waiting))
    whole = {size for status, size in heard if status == b"200"}
    tell(seconds=time.perf_counter() - begun, sizes=sorted(whole), answers=len(heard))


async def main(kind: str, port: int, path: str, numbers: list[int]) -> None:
    if kind == "ranges":
        size, length, clients, seconds = numbers
        await ranges(port, path, size, length, clients, seconds)
    elif kind == "slowly":
        clients, bytes_a_second, seconds = numbers
        await slowly(port, path.split(","), clients, bytes_a_second, seconds)
    else:
        await at_once(port, path, numbers[0])


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], [int(n) for n in sys.argv[4:]]))
