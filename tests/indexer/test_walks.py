"""A walk believes its root only if it is signed and new enough, and is complete or no walk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from indexer.events import Reason, Rejected
from indexer.walks import Truncated, walk
from lexicons.syntax import parse_did
from tests.indexer.signed_repo import create, make_repo, public_key, soon
from tests.network.encoding import tid
from tests.network.repo import Repo
from xrpc.identity import Identity

TRACK = "fm.plyr.track"
RECORDS = [f"{TRACK}/{tid(1_700_000_000_000_000 + n)}" for n in range(60)]
OTHERS = [f"app.bsky.feed.post/{n:04d}" for n in range(60)]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A host that gives out what it has."""

    root: bytes
    held: Mapping[bytes, bytes]
    values_at_once: int = 50

    async def head(self) -> bytes:
        return self.root

    async def blocks(self, cids: Sequence[bytes]) -> Mapping[bytes, bytes]:
        return {cid: self.held[cid] for cid in cids if cid in self.held}


@pytest.fixture
def repo() -> Repo:
    made = make_repo()
    made.commit([create(path) for path in RECORDS + OTHERS])
    return made


def host_of(repo: Repo, lacking: bytes = b"") -> Blocks:
    held = {link.raw: block for link, block in repo.blocks().items() if link.raw != lacking}
    return Blocks(repo.head.raw, held)


async def walked(repo: Repo, source: Blocks, not_before: str | None = None) -> set[str]:
    did = parse_did(repo.did)
    identity = Identity(did, public_key(repo), "https://pds.test", None, None, soon())
    found = await walk(source, identity, [TRACK], now=soon(), not_before=not_before)
    return {f"{collection}/{rkey}" for collection, rkey in found.entries}


async def test_a_walk_gives_every_record_of_its_collections(repo: Repo) -> None:
    assert await walked(repo, host_of(repo)) == set(RECORDS)


async def test_case_64_a_walk_that_lacks_any_node_on_its_way_is_none(repo: Repo) -> None:
    needed = 0
    for node in repo.tree.nodes:
        try:
            assert await walked(repo, host_of(repo, lacking=node.raw)) == set(RECORDS)
        except Truncated:
            needed += 1
    assert 3 < needed < len(repo.tree.nodes)


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
