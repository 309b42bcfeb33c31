"""However much a stranger gives us to read, others have their turns meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice

from indexer.draining import drain
from indexer.repo.node import encode_node, height_of, node_cid
from indexer.repo_state import State
from indexer.service import build_pipeline
from indexer.walks import Place, open_repo, walk
from lexicons.syntax import parse_did
from tests.indexer.scene import Scene, untold
from tests.network.encoding import dag_cbor, link_to, tid
from tests.network.keys import SigningKey
from xrpc.identity import Identity
from xrpc.keys import parse_multikey

DID = parse_did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")


@dataclass(slots=True)
class Turns:
    """How often another task had the loop."""

    taken: int = 0


@asynccontextmanager
async def turns() -> AsyncIterator[Turns]:
    turns = Turns()

    async def take() -> None:
        while True:
            turns.taken += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(take())
    try:
        yield turns
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(slots=True)
class Given:
    """A source that answers at once."""

    root: bytes
    held: Mapping[bytes, bytes]
    values_at_once: int = 1
    asked: list[int] = field(default_factory=list)

    async def open(self, _: Place) -> tuple[bytes, Mapping[bytes, bytes]]:
        return self.root, await self.blocks([self.root])

    async def way(self, _: Place) -> Mapping[bytes, bytes]:
        return {}

    async def whole(self) -> Mapping[bytes, bytes]:
        return {}

    async def blocks(self, cids: Sequence[bytes]) -> Mapping[bytes, bytes]:
        self.asked.append(len(cids))
        return {cid: self.held[cid] for cid in cids}


async def test_a_walk_through_huge_nodes_leaves_turns_to_others() -> None:
    names = (f"fm.plyr.track/{number:012}".encode() for number in count())
    keys = list(islice((key for key in names if height_of(key) == 0), 15_000))
    value = node_cid(b"some record")
    node = encode_node(keys, [value] * len(keys), [None] * (len(keys) + 1))
    signer = SigningKey("k256")
    unsigned = {
        "did": DID,
        "version": 3,
        "prev": None,
        "rev": tid(1_700_000_000_000_000),
        "data": link_to(node),
    }
    commit = dag_cbor({**unsigned, "sig": signer.sign(dag_cbor(unsigned))})
    source = Given(node_cid(commit), {node_cid(commit): commit, node_cid(node): node})
    key = parse_multikey(signer.multikey)
    identity = Identity(DID, key, "https://pds.test", None, None, datetime.now(UTC))
    async with turns() as taken:
        opened = await open_repo(source, identity, {"fm.plyr.track"}, now=datetime.now(UTC))
        walked = await walk(source, opened, {"fm.plyr.track"})
        assert taken.taken >= 5
    assert len(walked.entries) == len(keys)


async def test_a_long_queue_leaves_turns_to_others_and_the_desk_to_the_stream(
    scene: Scene,
) -> None:
    """Whoever comes to the desk meanwhile finds the repo waiting for as long as frames do."""
    pipeline, seqs = scene.pipeline, count(1)
    did = parse_did(scene.alice.did)
    pipeline.repos[did] = replace(pipeline.repos[did], state=State.RESYNCING)
    for number in range(200):
        pipeline.offer((await untold(scene.alice, f"Track {number}")).frame(next(seqs)))
    await pipeline.step()
    identity = await scene.tools.resolver.resolve(did)
    async with turns() as taken:
        draining = asyncio.create_task(drain(pipeline, did, identity.key, State.RESYNCING))
        seen = [await look(scene)]
        pipeline.offer((await untold(scene.alice, "The last")).frame(next(seqs)))
        await pipeline.step()
        while not draining.done():
            seen.append(await look(scene))
        assert taken.taken >= 10
    assert await draining
    assert len(set(seen)) > 3
    assert {state for state, frames in seen if frames} == {"resyncing"}
    assert await look(scene) == ("synchronized", 0)
    assert pipeline.repos[did].state is State.SYNCHRONIZED
    assert did not in pipeline.queued
    assert {"First", "Track 0", "Track 199", "The last"} <= await scene.tracks()


async def look(scene: Scene) -> tuple[str, int]:
    """What stands in the tables at a turn at the desk: the repo's state, and how much waits."""
    async with scene.pipeline.desk:
        row = await scene.tools.pool.fetchrow(
            """
            select state, (select count(*) from repo_queue where repo_queue.did = repo.did)
            from repo where did = $1
            """,
            scene.alice.did,
        )
    assert row is not None
    return row[0], row[1]


async def test_a_chain_that_breaks_within_a_long_queue_calls_for_a_walk(scene: Scene) -> None:
    pipeline, seqs = scene.pipeline, count(1)
    did = parse_did(scene.alice.did)
    pipeline.repos[did] = replace(pipeline.repos[did], state=State.WAITING)
    for number in range(150):
        frame = (await untold(scene.alice, f"Track {number}")).frame(next(seqs))
        if number != 70:
            pipeline.offer(frame)
    await pipeline.step()
    identity = await scene.tools.resolver.resolve(did)
    assert await drain(pipeline, did, identity.key, State.WAITING)
    assert await look(scene) == ("desynchronized", 0)
    assert did not in pipeline.queued
    await scene.walk_what_is_due()
    assert len(await scene.tracks()) == 151


async def test_a_wait_that_ends_in_a_crash_goes_on_from_the_last_chunk(scene: Scene) -> None:
    pipeline, seqs, did = scene.pipeline, count(1), parse_did(scene.alice.did)
    pipeline.repos[did] = replace(pipeline.repos[did], state=State.WAITING)
    for number in range(150):
        pipeline.offer((await untold(scene.alice, f"Track {number}")).frame(next(seqs)))
    await pipeline.step()
    identity = await scene.tools.resolver.resolve(did)
    draining = asyncio.create_task(drain(pipeline, did, identity.key, State.WAITING))
    while (await look(scene))[1] == 150:
        assert not draining.done()
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    assert 0 < (await look(scene))[1] < 150
    restarted = await build_pipeline(scene.tools, "fm.plyr", host=None)
    assert await drain(restarted, did, identity.key, State.WAITING)
    assert await look(scene) == ("synchronized", 0)
    assert len(await scene.tracks()) == 151
