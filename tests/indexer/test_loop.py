"""However much a stranger gives us to read, others have their turns meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

import pytest

from indexer.repo.node import encode_node, height_of, node_cid
from indexer.repo_state import RepoState, State
from indexer.walks import walk
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.test_watch import Scene, complete, untold
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

    async def head(self) -> bytes:
        return self.root

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
        walked = await walk(source, identity, {"fm.plyr.track"}, now=datetime.now(UTC))
        assert taken.taken >= 5
    assert len(walked.entries) == len(keys)


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        yield scene


async def test_a_long_queue_leaves_turns_to_others_and_the_desk_to_the_stream(
    scene: Scene,
) -> None:
    alice, pipeline, seqs = scene.alice, scene.pipeline, count(1)
    did = parse_did(alice.did)
    pipeline.repos[did] = repo = RepoState(did, State.RESYNCING)
    for number in range(200):
        pipeline.offer((await untold(alice, f"Track {number}")).frame(next(seqs)))
    await pipeline.step()
    identity = await scene.tools.resolver.resolve(did)
    async with turns() as taken:
        ahead = await pipeline.queued_events(did, identity.key, repo)
        assert taken.taken >= 10
    assert len(ahead) == 200
    pipeline.offer((await untold(alice, "The last")).frame(next(seqs)))
    await pipeline.step()
    async with pipeline.desk:
        queue = await pipeline.queued_events(did, identity.key, repo, ahead)
        steps = pipeline.follow_queue(repo, did, queue)
        await pipeline.writer.write(steps, None)
    assert {"First", "Track 0", "Track 199", "The last"} <= await scene.tracks()
    assert await scene.tools.pool.fetchval("select count(*) from repo_queue") == 0
