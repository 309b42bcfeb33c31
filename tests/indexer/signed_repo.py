"""Correctly signed commits by one call, for tests of the indexer and for benchmarks.

    repo = make_repo("did:plc:…", curve="p256")
    frame = make_commit_frame(repo, create("fm.plyr.track/3k…", track), seq=7)   # bytes off a relay
    event = make_commit(repo, delete("fm.plyr.track/3k…"))                       # decoded
    verify_commit(event, public_key(repo), collections=..., now=soon())

A repo remembers what it holds, so calls build on each other. To tell a lie, take the CommitEvent of
`repo.commit([...])` (tests/network/repo.py says how to bend it) and decode it with `decoded`.
"""

from datetime import UTC, datetime

from indexer.events import Commit
from indexer.frames import decode_frame
from tests.network.encoding import TidClock
from tests.network.keys import Curve, SigningKey
from tests.network.repo import CommitEvent, Json, Repo, Write
from xrpc.keys import PublicKey, parse_multikey

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def make_repo(did: str = DID, curve: Curve = "k256") -> Repo:
    return Repo(did, SigningKey(curve), TidClock())


def create(path: str, record: Json | bytes | None = None) -> Write:
    return Write("create", path, _record(path) if record is None else record)


def update(path: str, record: Json | bytes) -> Write:
    return Write("update", path, record)


def delete(path: str) -> Write:
    return Write("delete", path)


def make_commit_frame(repo: Repo, *writes: Write, seq: int = 1, rev: str | None = None) -> bytes:
    return repo.commit(writes, rev=rev).frame(seq)


def make_commit(repo: Repo, *writes: Write, rev: str | None = None) -> Commit:
    return decoded(repo.commit(writes, rev=rev))


def decoded(event: CommitEvent, seq: int = 1) -> Commit:
    commit = decode_frame(event.frame(seq))
    assert isinstance(commit, Commit)
    return commit


def public_key(repo: Repo) -> PublicKey:
    return parse_multikey(repo.key.multikey)


def soon() -> datetime:
    return datetime.now(UTC)


def _record(path: str) -> Json:
    collection, _, rkey = path.partition("/")
    return {"$type": collection, "note": rkey}
