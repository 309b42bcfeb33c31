"""Many clients that ask as soon as they are answered: HTTP/1.1 on raw sockets, kept alive."""

import asyncio
import sys
import time
from pathlib import Path
from typing import cast

import orjson
import uvloop

from bench.processes import tell

CLIENTS = 16
WARM_UP_SECONDS = 0.5


class Client(asyncio.Protocol):
    """Asks for one path after another, beginning at its own place in the list."""

    def __init__(self, requests: list[bytes], place: int, micros: list[float]) -> None:
        self.requests, self.place, self.micros = requests, place, micros
        self.received = bytearray()
        self.expected = 0
        self.asked_at = 0.0
        self.is_measured = False
        self.stopped = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)
        self.ask()

    def ask(self) -> None:
        self.place = (self.place + 1) % len(self.requests)
        self.asked_at = time.perf_counter()
        self.transport.write(self.requests[self.place])

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.expected:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            self.expected = end + 4 + length_of_body(bytes(self.received[:end]))
        if len(self.received) < self.expected:
            return
        if self.is_measured:
            self.micros.append((time.perf_counter() - self.asked_at) * 1e6)
        self.received.clear()
        self.expected = 0
        if self.stopped.done():
            self.transport.close()
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.stopped.done():
            self.stopped.set_exception(error or ConnectionResetError("closed by the server"))


def length_of_body(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head.decode())
    _, _, rest = head.lower().partition(b"\r\ncontent-length: ")
    return int(rest.split(b"\r\n", 1)[0])


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n".encode()


async def main(port: int, paths: list[str], seconds: float, number_of_clients: int) -> None:
    micros: list[float] = []
    requests = [request(path) for path in paths]
    clients = [
        Client(requests, number * len(requests) // number_of_clients, micros)
        for number in range(number_of_clients)
    ]
    loop = asyncio.get_running_loop()
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await _none_stopped(clients, WARM_UP_SECONDS)
    for client in clients:
        client.is_measured = True
    started, cpu_started = time.perf_counter(), time.process_time()
    await _none_stopped(clients, seconds)
    took, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    micros.sort()
    tell(
        rate=len(micros) / took,
        requests=len(micros),
        p50_millis=micros[len(micros) // 2] / 1000,
        p95_millis=micros[len(micros) * 95 // 100] / 1000,
        p99_millis=micros[len(micros) * 99 // 100] / 1000,
        client_cpu=cpu / took,
    )


async def _none_stopped(clients: list[Client], seconds: float) -> None:
    """Let them ask for so long; a client that failed ends it."""
    done, _ = await asyncio.wait(
        [client.stopped for client in clients],
        timeout=seconds,
        return_when=asyncio.FIRST_EXCEPTION,
    )
    for stopped in done:
        stopped.result()


if __name__ == "__main__":
    port, file, seconds = sys.argv[1:4]
    asked: list[str] = orjson.loads(Path(file).read_bytes())
    clients = int(sys.argv[4]) if sys.argv[4:] else CLIENTS
    uvloop.run(main(int(port), asked, float(seconds), clients))
