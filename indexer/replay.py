"""A recorded firehose, fed to the pipeline that live frames take."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from indexer.accounts import Accounts
from indexer.events import Rejected
from indexer.frames import MAX_FRAME_BYTES
from indexer.pipeline import Pipeline
from xrpc.tasks import end

log = structlog.get_logger(__name__)

LENGTH_BYTES = 4


class BadRecording(ValueError):
    """The file is not repeated [4-byte big-endian length][frame]."""


@dataclass(frozen=True, slots=True)
class Summary:
    frames: int
    rejected: int


def recorded_frames(file: BinaryIO) -> Iterator[bytes]:
    while head := file.read(LENGTH_BYTES):
        length = int.from_bytes(head, "big")
        offset = file.tell() - len(head)
        if len(head) < LENGTH_BYTES or length > MAX_FRAME_BYTES:
            raise BadRecording(f"{file.name}: no frame at byte {offset}: {head.hex()}")
        frame = file.read(length)
        if len(frame) < length:
            missing = length - len(frame)
            raise BadRecording(f"{file.name}: the frame at byte {offset} lacks {missing} bytes")
        yield frame


async def replay(path: Path, pipeline: Pipeline, accounts: Accounts) -> Summary:
    """Read the whole file, then answer the questions it raised: identities, statuses, counts.

    From the first frame each time: what is already there is stale and changes nothing.
    """
    pipeline.network_wait_seconds = None  # there is no stream that would be held up
    frames = rejected = 0
    with path.open("rb") as file:
        running = asyncio.create_task(pipeline.run())
        try:
            for frame in recorded_frames(file):
                frames += 1
                try:
                    pipeline.offer(frame)
                except Rejected as error:
                    rejected += 1
                    log.warning("frame not readable", number=frames, error=str(error))
                if pipeline.is_full or frames % 100 == 0:
                    await _until_done(running, pipeline.room())
            await _until_done(running, pipeline.settled())
        finally:
            await end([running])
    while await accounts.ask_what_is_due():
        continue  # a question that cannot be answered now is due again later, so this ends
    while await accounts.recount():
        continue
    return Summary(frames, rejected)


async def _until_done(running: asyncio.Task[None], wait: Coroutine[Any, Any, None]) -> None:
    """Wait, unless the pipeline stops: then its error is ours."""
    waiting = asyncio.create_task(wait)
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        waiting.cancel()
        running.result()
    await waiting
