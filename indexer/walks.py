"""One walk: from a repo's signed root through the ranges of our collections, proven and complete.

Where the blocks come from is the caller's choice; every one is hashed, and the root is signed.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from indexer.events import Reason, Rejected, VerifiedRoot
from indexer.repo.car import CarFile, read_car
from indexer.repo.walk import RangeWalk
from indexer.verify import verify_root
from lexicons.cid import InvalidCid, cid_text, parse_cid
from lexicons.syntax import Did, Nsid, RecordKey
from xrpc.identity import Identity
from xrpc.remote import Remote, RemoteError

NODES_AT_ONCE = 100  # no limit is written down; the URL stays under 8 KiB
BLOCKS_ANSWER_BYTES = 64 << 20

Place = tuple[Nsid, RecordKey]


class Truncated(Exception):
    """A node or record that the tree names did not come."""


class Source(Protocol):
    """Where a repo's blocks come from; what it gives is hashed, nothing else is checked."""

    @property
    def values_at_once(self) -> int: ...

    async def head(self) -> bytes: ...

    async def blocks(self, cids: Sequence[bytes]) -> Mapping[bytes, bytes]: ...


@dataclass(frozen=True, slots=True)
class BlocksFromPds:
    """com.atproto.sync.getBlocks: only what the walk asks for crosses the network."""

    remote: Remote
    pds: str
    did: Did
    values_at_once: int = 50

    async def head(self) -> bytes:
        try:
            return parse_cid(str((await self.latest_commit()).get("cid"))).raw
        except InvalidCid as error:
            raise RemoteError(200, "", f"getLatestCommit: {error}") from error

    async def latest_commit(self) -> dict[str, Any]:
        return await self.remote.query(
            self.pds, "com.atproto.sync.getLatestCommit", [("did", self.did)]
        )

    async def blocks(self, cids: Sequence[bytes]) -> Mapping[bytes, bytes]:
        params = [("did", str(self.did)), *(("cids", cid_text(cid)) for cid in cids)]
        body = await self.remote.fetch(
            self.pds, "com.atproto.sync.getBlocks", params, max_bytes=BLOCKS_ANSWER_BYTES
        )
        return (await asyncio.to_thread(read_car, body)).blocks


@dataclass(frozen=True, slots=True)
class BlocksFromCar:
    """A whole repo that was spooled to disk, read off the event loop."""

    car: CarFile
    values_at_once: int = 1_000  # each call may read the whole file

    async def head(self) -> bytes:
        if not self.car.roots:
            raise Rejected(Reason.WRONG_ROOT, "CAR without a root")
        return self.car.roots[0]

    async def blocks(self, cids: Sequence[bytes]) -> Mapping[bytes, bytes]:
        return await asyncio.to_thread(lambda: dict(self.car.find(frozenset(cids))))


@dataclass(frozen=True, slots=True)
class Walked:
    root: VerifiedRoot
    entries: Mapping[Place, bytes]


async def walk(
    source: Source,
    identity: Identity,
    collections: Iterable[str],
    *,
    now: datetime,
    not_before: str | None = None,
) -> Walked:
    """Give every record of the collections. A root older than `not_before` is refused."""
    did, key = identity.did, identity.key
    if key is None:
        raise Rejected(Reason.NO_IDENTITY, f"{did} has no signing key")
    head = await source.head()
    blocks = await source.blocks([head])
    if head not in blocks:
        raise Truncated(f"commit {cid_text(head)} did not come")
    root = verify_root(blocks[head], did, key, now=now)
    if not_before is not None and root.rev < not_before:
        raise Rejected(Reason.STALE_REV, f"{root.rev} is older than {not_before}")
    nodes = RangeWalk(root.data, collections)
    while wanted := nodes.wanted(NODES_AT_ONCE):
        blocks = await source.blocks(wanted)
        missing = [cid for cid in wanted if cid not in blocks]
        if missing:
            raise Truncated(f"{len(missing)} nodes did not come, first {cid_text(missing[0])}")
        await asyncio.to_thread(nodes.feed, blocks)  # nodes may be huge, and the loop is for all
    return Walked(root, {(collection, rkey): cid for collection, rkey, cid in nodes.records()})
