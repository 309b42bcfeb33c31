"""What the network says of an account, held against what the index says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.differences import Difference, Kind
from indexer.records.record_type import RecordTypes, RecordUri
from indexer.repo_state import State
from indexer.soundness import Holdings
from indexer.walks import Walked
from lexicons.cid import cid_text
from xrpc.identity import Identity
from xrpc.keys import multikey

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Network:
    """What is true of an account; None is what could not be asked or does not matter."""

    identity: Identity | None = None
    has_proven: bool = False
    status: tuple[str, bool] | None = None
    walked: Walked | None = None
    failures: Sequence[str] = ()


def in_account(network: Network, account: Stored) -> Iterator[Difference]:
    did, identity = account["did"], network.identity
    if network.status is not None:
        held = _status(account["upstream_status"], account["upstream_active"])
        right = _status(*network.status)
        if held != right:
            yield Difference(did, Kind.STATUS, did, held, right)
    if identity is None:
        return
    key = None if identity.key is None else multikey(identity.key)
    handle = identity.handle if network.has_proven else account["handle"]
    for kind, said, true in (
        (Kind.KEY, account["signing_key"], key),
        (Kind.PDS, account["pds"], identity.pds),
        (Kind.HANDLE, account["handle"], handle),
    ):
        if said != true:
            yield Difference(did, kind, did, said or "none", true or "none")


def _status(word: str, shown: bool) -> str:
    return f"{word}, {'shown' if shown else 'hidden'}"


def in_repo(
    walked: Walked, repo: Stored | None, holdings: Holdings, record_types: RecordTypes
) -> Iterator[Difference]:
    did, root = walked.root.did, walked.root
    if repo is None:
        if any(not record_types[collection].is_foreign for collection, _ in walked.entries):
            yield Difference(did, Kind.UNTRACKED, did, "unknown", "a repo with records of ours")
        return
    if repo["state"] != State.SYNCHRONIZED:
        state = f"{repo['state']} ({repo['reason'] or 'no reason'})"
        yield Difference(did, Kind.STATE, did, state, State.SYNCHRONIZED)
    if repo["rev"] != root.rev:
        yield Difference(did, Kind.REV, did, str(repo["rev"]), root.rev)
    elif repo["data"] != root.data:
        yield Difference(did, Kind.TREE, did, (repo["data"] or b"").hex(), root.data.hex())
    if unwalked := sorted(set(record_types) - set(repo["walked"])):
        words = f"not {', '.join(unwalked)}", "all that are indexed"
        yield Difference(did, Kind.UNWALKED, did, *words)
    yield from _in_records(walked, holdings)


def _in_records(walked: Walked, holdings: Holdings) -> Iterator[Difference]:
    """Records that were touched after the commit that was walked are left out."""
    did, rev = walked.root.did, walked.root.rev
    for place, cid in walked.entries.items():
        held, subject = holdings.records.get(place), str(RecordUri(did, *place))
        right = cid_text(cid)
        if held is None:
            yield Difference(did, Kind.MISSING, subject, "nothing", right)
        elif held.rev > rev or held.cid == right:
            continue
        elif held.cid is None:
            yield Difference(did, Kind.MISSING, subject, f"deleted at {held.rev}", right)
        else:
            yield Difference(did, Kind.OTHER, subject, held.cid, right)
    for place, held in holdings.records.items():
        if held.cid is not None and held.rev <= rev and place not in walked.entries:
            subject = str(RecordUri(did, *place))
            yield Difference(did, Kind.EXTRA, subject, held.cid, "nothing")
