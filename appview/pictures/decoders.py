"""The processes that decode: few, kept for the next picture, replaced when they fail."""

import asyncio
import socket
import subprocess
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from appview import confined
from appview.pictures.protocol import HEAD, SECONDS, Refused, Untrue, lengths_in, pictures_of
from xrpc.places import Places

AT_ONCE: Final = 2
# Ten times what a picture takes; who takes longer does so only while no other is to be made.
LEAST_SECONDS: Final = 2.0
# What a decoder has come to hold on to goes with it.
PICTURES_EACH: Final = 200


@dataclass(slots=True, eq=False)
class Decoder:
    process: subprocess.Popen[bytes]
    connection: socket.socket
    made: int = 0

    @classmethod
    def start(cls) -> "Decoder":
        """Blocks."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = confined.start("appview.pictures.decoder", stdin=theirs.fileno())
        return cls(process, ours)

    async def make(self, kind: bytes, file: BinaryIO) -> dict[str, bytes] | Refused:
        """What it answers; raises OSError, Untrue where it is of no use any more."""
        self.made += 1
        socket.send_fds(self.connection, [kind], [file.fileno()])
        is_picture, lengths = lengths_in(await self._receive(HEAD.size))
        parts = [await self._receive(length) for length in lengths]
        if not is_picture:
            return Refused(b"".join(parts).decode("utf-8", "replace"))
        return pictures_of(parts)

    async def _receive(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        received = bytearray()
        while len(received) < size:
            chunk = await loop.sock_recv(self.connection, size - len(received))
            if not chunk:
                raise ConnectionError("it ended")
            received += chunk
        return bytes(received)

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


@dataclass(slots=True)
class Decoders:
    seconds: float = SECONDS
    _idle: list[Decoder] = field(default_factory=list)
    places: Places = field(default_factory=lambda: Places(AT_ONCE, LEAST_SECONDS))

    async def make(self, kind: bytes, file: BinaryIO) -> dict[str, bytes]:
        """The picture that a whole file is, or has, in our sizes; raises Refused, TimeoutError."""
        async with self.places.taken():
            decoder = self._idle.pop() if self._idle else await asyncio.to_thread(Decoder.start)
            may_go_on = False
            try:
                async with asyncio.timeout(self.seconds):
                    made = await decoder.make(kind, file)
                may_go_on = decoder.made < PICTURES_EACH
            except (TimeoutError, OSError, Untrue) as error:
                why = str(error) or f"not done in {self.seconds:.0f} s"
                raise Refused(f"no decoder survived it: {why}") from error
            finally:
                if may_go_on:
                    self._idle.append(decoder)
                else:
                    await asyncio.to_thread(decoder.end)
        if isinstance(made, Refused):
            raise made
        return made

    async def close(self) -> None:
        while self._idle:
            await asyncio.to_thread(self._idle.pop().end)
