"""What a walk found becomes what is stored: the differences, then the queue, then the new state.

Missing nodes mean a truncated answer: nothing is deleted.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from dataclasses import replace

import structlog

from indexer import mending, requests
from indexer.draining import drain
from indexer.events import RecordChange
from indexer.pipeline import Pipeline
from indexer.repo_state import RepoState, Settling, State
from indexer.soundness import inspect
from indexer.steps import Step
from indexer.walks import Place, Source, Truncated, Walked
from indexer.writer import Writer
from lexicons.cid import cid_text
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.identity import Identity, IdentityResolver

log = structlog.get_logger(__name__)

CHANGES_AT_ONCE = 500


async def settle(
    pipeline: Pipeline,
    resolver: IdentityResolver,
    source: Source,
    walked: Walked,
    identity: Identity,
    *,
    in_full: bool,
) -> None:
    """Write the differences; the end of the queue and the new state commit together."""
    did, root = identity.did, walked.root
    async with pipeline.desk:  # what was decided before is written
        pipeline.settling.setdefault(did, Settling(root.rev)).rev = root.rev
    doubted = await _doubted(pipeline.writer, walked) if in_full else ()
    known = await _known(pipeline.writer.pool, did) | dict.fromkeys(doubted, "")
    unwritten: tuple[RecordChange, ...] = ()
    async for changes in _differences(source, walked, known):
        await _write(pipeline, did, unwritten)
        unwritten = changes
    if in_full:
        await _write(pipeline, did, unwritten)
        unwritten = ()
        await mending.put_right(pipeline.writer, did)
        pipeline.wakes.recount.set()
    after = RepoState(did, State.SYNCHRONIZED, root.rev, root.data, pipeline.collections)
    await finish(pipeline, resolver, after, identity, unwritten)


async def _differences(
    source: Source, walked: Walked, known: Mapping[Place, str]
) -> AsyncIterator[tuple[RecordChange, ...]]:
    """What the walk found and what is known of no more, in batches."""
    left = deque(path for path, cid in walked.entries.items() if known.get(path) != cid_text(cid))
    while left:
        asked = [left.popleft() for _ in range(min(len(left), source.values_at_once))]
        changes = await _changes(source, walked, asked)
        yield changes
        came = {(change.collection, change.rkey) for change in changes}
        left.extendleft(path for path in asked if path not in came)
    vanished = [path for path in known if path not in walked.entries]
    did, rev = walked.root.did, walked.root.rev
    for start in range(0, len(vanished), CHANGES_AT_ONCE):
        yield tuple(
            RecordChange(did, collection, rkey, rev, None, None, live=False)
            for collection, rkey in vanished[start : start + CHANGES_AT_ONCE]
        )


async def finish(
    pipeline: Pipeline,
    resolver: IdentityResolver,
    after: RepoState,
    identity: Identity,
    changes: tuple[RecordChange, ...] = (),
) -> None:
    """Chain the queue to where the walk ended; the new state commits with its last frame.

    Where another walk was called for meanwhile, this one came too early.
    """
    did = identity.did
    key = (resolver.cached(did) or identity).key
    found = Step(did=did, changes=changes, repo=replace(after, state=State.RESYNCING))
    if not await drain(pipeline, did, key, State.RESYNCING, found):
        return
    await requests.close(pipeline.writer.pool, did, requests.WALKED)
    log.debug("repo synchronized", did=did, rev=after.rev)


async def _doubted(writer: Writer, walked: Walked) -> Set[Place]:
    """Forget what does not agree with itself, and what differs from a tree of the same rev."""
    did = walked.root.did
    async with (
        writer.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        holdings = await inspect(connection, did, writer.record_types, writer.catalog)
    doubted = holdings.unsound
    for place, held in holdings.records.items():
        cid = walked.entries.get(place)
        if held.rev == walked.root.rev and held.cid != (cid and cid_text(cid)):
            doubted.add(place)
    await mending.forget(writer, did, doubted)
    return doubted


async def _known(pool: Pool, did: Did) -> dict[Place, str]:
    rows = await pool.fetch(
        "select collection, rkey, cid from record where did = $1 and cid is not null", did
    )
    return {(row["collection"], row["rkey"]): row["cid"] for row in rows}


async def _changes(
    source: Source, walked: Walked, paths: Sequence[Place]
) -> tuple[RecordChange, ...]:
    """Of those whose values came; there are some, or it is a truncated answer."""
    did, rev, blocks = walked.root.did, walked.root.rev, walked.values
    cids = {path: walked.entries[path] for path in paths}
    if missing := [cid for cid in cids.values() if cid not in blocks]:
        blocks = {**blocks, **await source.blocks(missing)}
    changes = tuple(
        RecordChange(did, *path, rev, cid_text(cid), blocks[cid], live=False)
        for path, cid in cids.items()
        if cid in blocks
    )
    if not changes:
        raise Truncated(f"{len(paths)} records did not come, first {'/'.join(paths[0])}")
    return changes


async def _write(pipeline: Pipeline, did: Did, changes: tuple[RecordChange, ...]) -> None:
    if changes:
        async with pipeline.desk:
            await pipeline.writer.write([Step(did=did, changes=changes)], None)
