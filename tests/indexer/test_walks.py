"""A walk believes its root only if it is signed and new enough, and is complete or no walk."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from indexer.events import Reason, Rejected
from indexer.repo.car import CarFile
from indexer.walks import BlocksFromCar, Place, Truncated, landmarks, open_repo, walk
from lexicons.syntax import parse_did
from tests.indexer.signed_repo import create, make_repo, public_key, soon
from tests.network.encoding import tid
from tests.network.mst import Tree
from tests.network.repo import Repo
from xrpc.identity import Identity

TRACK = "fm.plyr.track"
RECORDS = [f"{TRACK}/{tid(1_700_000_000_000_000 + n)}" for n in range(60)]
OTHERS = [f"app.bsky.feed.post/{n:04d}" for n in range(60)]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A host that gives out what it has, and the way to a record if `proofs` says so."""

    root: bytes
    tree: Tree
    held: Mapping[bytes, bytes]
    proofs: bool = False
    is_whole: bool = False
    values_at_once: int = 50
    asked: list[str] = field(default_factory=list)

    async def open(self, path: Place) -> tuple[bytes, Mapping[bytes, bytes]]:
        if self.proofs:
            return self.root, await self.way(path)
        return self.root, await self.blocks([self.root])

    async def way(self, path: Place) -> dict[bytes, bytes]:
        if not self.proofs:
            return {}
        self.asked.append("/".join(path))
        links = {self.root, *(link.raw for link in self.tree.path("/".join(path).encode()))}
        return {cid: block for cid, block in self.held.items() if cid in links}

    async def whole(self) -> Mapping[bytes, bytes]:
        self.asked.append("whole")
        return self.held if self.is_whole else {}

    async def blocks(self, cids: Sequence[bytes]) -> dict[bytes, bytes]:
        self.asked.append("blocks")
        return {cid: self.held[cid] for cid in cids if cid in self.held}


@pytest.fixture
def repo() -> Repo:
    made = make_repo()
    made.commit([create(path) for path in RECORDS + OTHERS])
    return made


def host_of(repo: Repo, lacking: bytes = b"", *, proofs: bool = False) -> Blocks:
    held = {link.raw: block for link, block in repo.blocks().items() if link.raw != lacking}
    return Blocks(repo.head.raw, repo.tree, held, proofs)


async def walked(
    repo: Repo, source: Blocks, not_before: str | None = None, collections: Sequence[str] = (TRACK,)
) -> set[str]:
    did = parse_did(repo.did)
    identity = Identity(did, public_key(repo), "https://pds.test", None, None, soon())
    opened = await open_repo(source, identity, collections, now=soon(), not_before=not_before)
    found = await walk(source, opened, collections)
    return {f"{collection}/{rkey}" for collection, rkey in found.entries}


async def test_a_walk_gives_every_record_of_its_collections(repo: Repo) -> None:
    assert await walked(repo, host_of(repo)) == set(RECORDS)


OF_BLUESKY = "app.bsky.actor.profile"
BOTH = (TRACK, OF_BLUESKY)


@pytest.mark.parametrize("profile", [True, False], ids=["profile", "no profile"])
async def test_proofs_spare_a_walk_most_of_its_questions(profile: bool) -> None:
    """The first brings the commit; where another neighbourhood is far down, a second is asked."""
    repo, paths = make_repo(), {f"{TRACK}/{number:04d}" for number in range(30)}
    paths |= {f"{OF_BLUESKY}/self"} if profile else set()
    repo.commit([create(path) for path in [*paths, *(f"app.bsky.b/{n:05d}" for n in range(3000))]])
    with_proofs, without = host_of(repo, proofs=True), host_of(repo)
    for source in (with_proofs, without):
        assert await walked(repo, source, collections=BOTH) == paths
    assert with_proofs.asked.count(f"{TRACK}/self") == 1
    assert with_proofs.asked.count(f"{OF_BLUESKY}/self") == 1
    assert len(with_proofs.asked) < len(without.asked)


async def test_a_small_repo_is_taken_whole(repo: Repo) -> None:
    source = replace(host_of(repo, proofs=True), is_whole=True)
    assert await walked(repo, source) == set(RECORDS)
    assert source.asked == [f"{TRACK}/self", "whole"]


async def test_a_walk_takes_from_a_proof_no_more_than_it_proves(repo: Repo) -> None:
    """Whatever a host leaves out of one is asked for by itself."""
    walks = 0
    for node in repo.tree.nodes:
        source = host_of(repo, proofs=True)
        withheld = {cid: block for cid, block in source.held.items() if cid != node.raw}
        with contextlib.suppress(Truncated):
            assert await walked(repo, replace(source, held=withheld)) == set(RECORDS)
            walks += 1
    assert 3 < walks < len(repo.tree.nodes)


async def test_landmarks_begin_where_most_collections_lie() -> None:
    found = landmarks([OF_BLUESKY, TRACK, "fm.plyr.comment", "fm.plyr.actor.profile"])
    assert found == [("fm.plyr.actor.profile", "self"), (OF_BLUESKY, "self")]


async def test_case_64_a_walk_that_lacks_any_node_on_its_way_is_none(repo: Repo) -> None:
    needed = 0
    for node in repo.tree.nodes:
        try:
            assert await walked(repo, host_of(repo, lacking=node.raw)) == set(RECORDS)
        except Truncated:
            needed += 1
    assert 3 < needed < len(repo.tree.nodes)


async def test_case_67_a_car_gives_no_more_at_once_than_memory_is_to_hold(repo: Repo) -> None:
    """A thousand records may be a gigabyte."""
    file = CarFile(io.BytesIO(repo.car()))
    records = {link.raw for link in repo.records.values()}
    source, times = BlocksFromCar(file, bytes_at_once=200), 0
    given: dict[bytes, bytes] = {}
    while left := sorted(records - given.keys()):
        blocks = await source.blocks(left)
        assert 0 < sum(map(len, blocks.values())) < 400
        given.update(blocks)
        times += 1
    assert given.keys() == records
    assert times > 10


async def test_a_walk_of_what_comes_in_portions_is_whole(repo: Repo) -> None:
    source = BlocksFromCar(CarFile(io.BytesIO(repo.car())), bytes_at_once=1)
    did = parse_did(repo.did)
    identity = Identity(did, public_key(repo), "https://pds.test", None, None, soon())
    opened = await open_repo(source, identity, (TRACK,), now=soon())
    found = await walk(source, opened, (TRACK,))
    assert {f"{collection}/{rkey}" for collection, rkey in found.entries} == set(RECORDS)


async def test_case_64_without_its_root_commit_a_walk_is_none(repo: Repo) -> None:
    with pytest.raises(Truncated):
        await walked(repo, host_of(repo, lacking=repo.head.raw))


async def test_case_65_an_older_root_is_refused_and_an_equal_one_is_not(repo: Repo) -> None:
    assert repo.rev is not None
    yesterday = host_of(repo)
    assert await walked(repo, yesterday, not_before=repo.rev) == set(RECORDS)
    repo.commit()
    with pytest.raises(Rejected) as caught:
        await walked(repo, yesterday, not_before=repo.rev)
    assert caught.value.reason is Reason.STALE_REV


async def test_case_66_a_root_that_another_key_signed_is_refused(repo: Repo) -> None:
    stranger = make_repo()
    stranger.commit([create(RECORDS[0])])
    with pytest.raises(Rejected) as caught:
        await walked(repo, host_of(stranger))
    assert caught.value.reason is Reason.BAD_SIGNATURE


async def test_a_root_of_the_future_is_refused(repo: Repo) -> None:
    repo.commit(rev=tid(int((soon() + timedelta(hours=1)).timestamp() * 1_000_000)))
    with pytest.raises(Rejected) as caught:
        await walked(repo, host_of(repo))
    assert caught.value.reason is Reason.FUTURE_REV
