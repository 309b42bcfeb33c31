"""A process that reads the bytes of a stranger, and gives up the rest by itself."""

import asyncio
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Confined:
    """`connection` is our end of a socket to it. Whoever starts one ends it."""

    process: "subprocess.Popen[bytes]"
    connection: socket.socket

    async def receive(self, most: int) -> bytes:
        """So many bytes; fewer where it has ended before. Raises OSError."""
        loop = asyncio.get_running_loop()
        received = bytearray()
        while len(received) < most:
            chunk = await loop.sock_recv(self.connection, most - len(received))
            if not chunk:
                break
            received += chunk
        return bytes(received)

    async def end(self) -> None:
        self.connection.close()
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


async def start(module: str, file: BinaryIO | None = None) -> Confined:
    """The socket is its input; with a file that is, and the socket is its output."""
    starting = asyncio.create_task(asyncio.to_thread(_start, module, file))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if starting.exception() is None:
            await starting.result().end()
        raise


def _start(module: str, file: BinaryIO | None) -> Confined:
    """Not through the event loop: uvloop's processes inherit descriptors."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", module],
            stdin=(file or theirs).fileno(),
            stdout=theirs.fileno() if file else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
            cwd="/",
        )
    return Confined(process, ours)
