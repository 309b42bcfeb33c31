"""What waited of a repo is followed in chunks: between them the stream has its turns at the desk.

The state that ends the wait commits with the last frame. Until then the repo waits on, and the rev
that its chain has come to commits with each chunk, so a crash between two of them loses nothing.
"""

from collections.abc import Iterable, Sequence

import asyncpg

from indexer.events import Rejected
from indexer.pipeline import Pipeline
from indexer.proving import Queued
from indexer.repo_state import RepoState, State
from indexer.steps import Step
from lexicons.syntax import Did
from xrpc.keys import PublicKey

CHUNK_FRAMES = 50
CHUNK_BYTES = 256 << 10


async def drain(
    pipeline: Pipeline,
    did: Did,
    key: PublicKey | None,
    waits: State,
    before: Step | None = None,
) -> bool:
    """Follow the queue to its end; False where somebody else ended the wait before.

    What a walk found `before` the queue, its root with it, commits with the first chunk or not at
    all: whoever calls for another walk in between must not find the repo where this one ended.
    """
    while (more := await _follow_chunk(pipeline, did, key, waits, before)) is None:
        before = None
    return more


async def _follow_chunk(
    pipeline: Pipeline,
    did: Did,
    key: PublicKey | None,
    waits: State,
    before: Step | None,
) -> bool | None:
    """None: there is more. What came since a chunk was proven is proven at the desk."""
    start = before and before.repo
    try:
        ahead, _ = await _head(pipeline, did, key, start or pipeline.repos.get(did), ())
    except Rejected as error:
        return await _walk_instead(pipeline, did, waits, error)
    async with pipeline.desk:
        held = pipeline.repos.get(did)
        if held is None or held.state is not waits:
            return False
        queue, is_whole = await _head(pipeline, did, key, start or held, ahead)
        try:
            pipeline.repos[did] = start or held
            steps = pipeline.follow_queue(did, queue, is_whole=is_whole)
            await pipeline.writer.write([*([before] if before else ()), *steps], None)
        except BaseException:
            pipeline.repos[did] = held  # what is not written is not so
            raise
        return None if pipeline.repos[did].state is waits else True


async def _walk_instead(pipeline: Pipeline, did: Did, waits: State, error: Rejected) -> bool:
    """Another version of this program queued what this one cannot read."""
    async with pipeline.desk:
        steps = pipeline.welcome_back(did, waits, reason=f"a frame in its queue: {error}")
        await pipeline.writer.write(list(steps), None)
        return bool(steps)


async def _head(
    pipeline: Pipeline,
    did: Did,
    key: PublicKey | None,
    start: RepoState | None,
    ahead: Sequence[Queued],
) -> tuple[list[Queued], bool]:
    """The next chunk, proven, and whether that is all there is."""
    rows = await pipeline.writer.pool.fetch(
        "select frame from repo_queue where did = $1 order by seq limit $2", did, CHUNK_FRAMES + 1
    )
    frames = _fitting(rows[:CHUNK_FRAMES])
    queue = await pipeline.prover.prove_queue(frames, key, start, ahead)
    return queue, len(frames) == len(rows)


def _fitting(rows: Iterable[asyncpg.Record]) -> list[bytes]:
    """At least one, however large."""
    frames: list[bytes] = []
    room = CHUNK_BYTES
    for row in rows:
        room -= len(row["frame"])
        if frames and room < 0:
            break
        frames.append(row["frame"])
    return frames
