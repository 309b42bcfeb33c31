"""The processes that decode: few, kept for the next picture, replaced when they fail."""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from appview.confined import Confined, start
from appview.pictures.protocol import HEAD, SECONDS, Refused, Untrue, lengths_in, pictures_of
from xrpc.places import Places

PROCESS: Final = "appview.pictures.decoder"
AT_ONCE: Final = 2
# More than a picture takes on a slow machine, its decoder's start with it.
LEAST_SECONDS: Final = 5.0
# What a decoder has come to hold on to goes with it.
PICTURES_EACH: Final = 200


@dataclass(slots=True, eq=False)
class Decoder:
    confined: Confined
    made: int = 0

    async def make(self, kind: bytes, file: BinaryIO) -> dict[str, bytes] | Refused:
        """What it answers; raises OSError, Untrue where it is of no use any more."""
        self.made += 1
        socket.send_fds(self.confined.connection, [kind], [file.fileno()])
        is_picture, lengths = lengths_in(await self._receive(HEAD.size))
        parts = [await self._receive(length) for length in lengths]
        if not is_picture:
            return Refused(b"".join(parts).decode("utf-8", "replace"))
        return pictures_of(parts)

    async def _receive(self, size: int) -> bytes:
        received = await self.confined.receive(size)
        if len(received) < size:
            raise ConnectionError("it ended")
        return received


@dataclass(slots=True)
class Decoders:
    seconds: float = SECONDS
    _idle: list[Decoder] = field(default_factory=list)
    places: Places = field(default_factory=lambda: Places(AT_ONCE, LEAST_SECONDS))

    async def make(self, kind: bytes, file: BinaryIO) -> dict[str, bytes]:
        """The picture that a whole file is, or has, in our sizes; raises Refused, TimeoutError."""
        async with self.places.taken():
            decoder = self._idle.pop() if self._idle else Decoder(await start(PROCESS))
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
                    await decoder.confined.end()
        if isinstance(made, Refused):
            raise made
        return made

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().confined.end()
