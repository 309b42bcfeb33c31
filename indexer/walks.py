"""One walk: from a repo's signed root through the ranges of our collections, proven and complete.

Where the blocks come from is the caller's choice; every one is hashed, and the root is signed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from indexer.events import Reason, Rejected, VerifiedRoot
from indexer.repo.car import Car, CarFile, read_car
from indexer.repo.walk import RangeWalk
from indexer.verify import verify_root
from lexicons.cid import InvalidCid, cid_text, parse_cid
from lexicons.syntax import Did, Nsid, RecordKey
from xrpc.client import Trouble, Unreachable
from xrpc.identity import Identity
from xrpc.remote import Remote, RemoteError

NODES_AT_ONCE = 100  # no limit is written down; the URL stays under 8 KiB
BLOCKS_ANSWER_BYTES = 64 << 20
VALUE_BYTES_AT_ONCE = 16 << 20
SMALL_BYTES = 64 << 10  # read where they came: to hand them to a thread takes longer
FAR_LAYERS = 3
# Of so many records the whole repo costs its host, the network and us less than four questions.
SMALL_REPO_RECORDS = 800
SMALL_REPO_BYTES = 4 << 20
HEAD_MOVES = 3

NOT_HOSTED = frozenset(
    {"RepoNotFound", "RepoDeleted", "RepoTakendown", "RepoSuspended", "RepoDeactivated"}
)

Place = tuple[Nsid, RecordKey]
Blocks = Mapping[bytes, bytes]
T = TypeVar("T")


class Truncated(Exception):
    """A node or record that the tree names did not come."""


class Source(Protocol):
    """Where a repo's blocks come from; what it gives is hashed, nothing else is checked.

    `open` gives the CID of the newest commit, with its block and whatever else came along. `way`
    gives what it will of the nodes from the root to a path, of a record that need not exist,
    `whole` of everything. `blocks` may give some of them: those left are asked for again, as long
    as any come.
    """

    @property
    def values_at_once(self) -> int: ...

    async def open(self, path: Place) -> tuple[bytes, Blocks]: ...

    async def way(self, path: Place) -> Blocks: ...

    async def whole(self) -> Blocks: ...

    async def blocks(self, cids: Sequence[bytes]) -> Blocks: ...


@dataclass(frozen=True, slots=True)
class BlocksFromPds:
    """Only what the walk asks for crosses the network.

    com.atproto.sync.getRecord proves a record, or that there is none, by the signed commit and the
    nodes down to it: six requests or so in one. Who does not serve it is asked the longer way.
    """

    remote: Remote
    pds: str
    did: Did
    values_at_once: int = 50

    async def open(self, path: Place) -> tuple[bytes, Blocks]:
        proof = await self._proof(path)
        if proof is not None and proof.roots and proof.roots[0] in proof.blocks:
            return proof.roots[0], proof.blocks
        answer = await self.remote.query(
            self.pds, "com.atproto.sync.getLatestCommit", [("did", self.did)]
        )
        try:
            head = parse_cid(str(answer.get("cid"))).raw
        except InvalidCid as error:
            raise RemoteError(200, "", f"getLatestCommit: {error}") from error
        return head, await self.blocks([head])

    async def way(self, path: Place) -> Blocks:
        proof = await self._proof(path)
        return {} if proof is None else proof.blocks

    async def whole(self) -> Blocks:
        car = await self._car_if_given("com.atproto.sync.getRepo", (), SMALL_REPO_BYTES)
        return {} if car is None else car.blocks

    async def blocks(self, cids: Sequence[bytes]) -> Blocks:
        params = [("cids", cid_text(cid)) for cid in cids]
        return (await self._car("com.atproto.sync.getBlocks", params)).blocks

    async def _proof(self, path: Place) -> Car | None:
        collection, rkey = path
        params = [("collection", str(collection)), ("rkey", str(rkey))]
        return await self._car_if_given("com.atproto.sync.getRecord", params)

    async def _car_if_given(
        self, nsid: str, params: Sequence[tuple[str, str]], max_bytes: int = BLOCKS_ANSWER_BYTES
    ) -> Car | None:
        """None from hosts that cannot: what it would have brought is asked for in other ways."""
        try:
            return await self._car(nsid, params, max_bytes)
        except RemoteError as error:
            if error.error in NOT_HOSTED:
                raise
        except Unreachable as error:
            if error.reason is not Trouble.TOO_LARGE:
                raise
        except Rejected:  # no CAR: as well not served
            pass
        return None

    async def _car(
        self, nsid: str, params: Sequence[tuple[str, str]], max_bytes: int = BLOCKS_ANSWER_BYTES
    ) -> Car:
        body = await self.remote.fetch(
            self.pds, nsid, [("did", str(self.did)), *params], max_bytes=max_bytes
        )
        if len(body) <= SMALL_BYTES:
            return read_car(body)
        return await asyncio.to_thread(read_car, body)


@dataclass(frozen=True, slots=True)
class BlocksFromCar:
    """A whole repo that was spooled to disk, read off the event loop."""

    car: CarFile
    values_at_once: int = 1_000  # each call may read the whole file
    bytes_at_once: int = VALUE_BYTES_AT_ONCE

    async def open(self, path: Place) -> tuple[bytes, Blocks]:  # noqa: ARG002 - as all sources
        if not self.car.roots:
            raise Rejected(Reason.WRONG_ROOT, "CAR without a root")
        return self.car.roots[0], await self.blocks(self.car.roots[:1])

    async def way(self, path: Place) -> Blocks:  # noqa: ARG002 - there is nothing to be saved
        return {}

    async def whole(self) -> Blocks:
        return {}

    async def blocks(self, cids: Sequence[bytes]) -> Blocks:
        return await asyncio.to_thread(self._some, frozenset(cids))

    def _some(self, cids: Set[bytes]) -> Blocks:
        """At least one, if there is any."""
        found: dict[bytes, bytes] = {}
        left = self.bytes_at_once
        for cid, block in self.car.find(cids):
            found[cid] = block
            left -= len(block)
            if left <= 0:
                break
        return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A repo's newest commit, proven, and the blocks that came with it."""

    root: VerifiedRoot
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Walked:
    """`values`: those records that came along unasked."""

    root: VerifiedRoot
    entries: Mapping[Place, bytes]
    values: Blocks


async def open_repo(
    source: Source,
    identity: Identity,
    collections: Collection[str],
    *,
    now: datetime,
    not_before: str | None = None,
) -> Opened:
    """A root older than `not_before` is refused."""
    did, key = identity.did, identity.key
    if key is None:
        raise Rejected(Reason.NO_IDENTITY, f"{did} has no signing key")
    head, blocks = await source.open(landmarks(collections)[0])
    if head not in blocks:
        raise Truncated(f"commit {cid_text(head)} did not come")
    root = verify_root(blocks[head], did, key, now=now)
    if not_before is not None and root.rev < not_before:
        raise Rejected(Reason.STALE_REV, f"{root.rev} is older than {not_before}")
    return Opened(root, blocks)


async def walk(source: Source, opened: Opened, collections: Collection[str]) -> Walked:
    """Give every record of the collections."""
    root, came = opened.root, dict(opened.blocks)
    nodes = RangeWalk(root.data, collections)
    await _feed(nodes, opened.blocks)
    if not nodes.done and root.data in came:
        for blocks in await _shortcuts(source, nodes, collections):
            came |= blocks
            await _feed(nodes, blocks)
    while wanted := nodes.wanted(NODES_AT_ONCE):
        if not await _feed(nodes, await source.blocks(wanted)):
            raise Truncated(f"{len(wanted)} nodes did not come, first {cid_text(wanted[0])}")
    entries = {(collection, rkey): cid for collection, rkey, cid in nodes.records()}
    return Walked(root, entries, {cid: came[cid] for cid in entries.values() if cid in came})


async def _shortcuts(
    source: Source, nodes: RangeWalk, collections: Collection[str]
) -> Sequence[Blocks]:
    """What spares more questions than it costs; the walk asks for what is missing then."""
    if nodes.size is not None and nodes.size <= SMALL_REPO_RECORDS:
        return [await source.whole()]
    others = landmarks(collections)[1:]
    return [await source.way(path) for path in others if nodes.is_far(_key(path), FAR_LAYERS)]


async def while_it_stands(
    opening: Callable[[], Awaitable[Opened]], read: Callable[[Opened], Awaitable[T]]
) -> T | None:
    """None where the head moved at every try, and took what it replaced with it.

    Who writes faster than we walk is read from a CAR, which holds one head whole.
    """
    opened = await opening()
    for _ in range(HEAD_MOVES):
        try:
            return await read(opened)
        except (Truncated, RemoteError):
            before, opened = opened, await opening()
            if opened.root.commit == before.root.commit:
                raise
    return None


def describes_any(answer: Mapping[str, object], collections: Set[str]) -> bool:
    """Whether an answer of describeRepo, which tells collections alone, names one of these."""
    named = answer.get("collections")
    return isinstance(named, list) and any(
        item in collections for item in named if isinstance(item, str)
    )


def landmarks(collections: Iterable[str]) -> list[Place]:
    """A path for each neighbourhood of the tree, beginning with the one that holds most of them.

    Collections of one authority lie side by side.
    """
    families: dict[str, list[str]] = {}
    for collection in sorted(collections):
        families.setdefault(".".join(collection.split(".")[:2]), []).append(collection)
    largest_first = sorted(families.values(), key=len, reverse=True)
    return [(Nsid(family[0]), RecordKey("self")) for family in largest_first]


def _key(path: Place) -> bytes:
    return "/".join(path).encode()


async def _feed(nodes: RangeWalk, blocks: Blocks) -> int:
    """Nodes may be huge, and the loop is for all."""
    if sum(map(len, blocks.values())) <= SMALL_BYTES:
        return nodes.feed(blocks)
    return await asyncio.to_thread(nodes.feed, blocks)
