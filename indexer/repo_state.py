"""The life of a repo: what a proven commit or #sync does to its state.

The chain is what makes an index complete: each commit names the rev and the tree before it, so a
missed one shows. Operations of a proven commit count in every state, since each record keeps the
rev that last touched it; the state only says whether anything may be missing. ARCHITECTURE.md has
the table.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from indexer.events import RecordChange, VerifiedCommit, VerifiedSync
from lexicons.syntax import Did

LATE_BYTES = 1 << 20


class State(StrEnum):
    DESYNCHRONIZED = "desynchronized"
    """Something may be missing; a walk is due."""
    RESYNCING = "resyncing"
    """A walk is under way; proven commits are also queued, to be chained to its end."""
    SYNCHRONIZED = "synchronized"
    """Everything up to `rev` is here."""
    WAITING = "waiting"
    """Commits are queued until the key or the account's status is known."""
    GONE = "gone"
    """No host serves the repo."""


class QueueSizes(MutableMapping[Did, int]):
    """Bytes in each repo's queue; their `total` is asked for at every frame that goes into one."""

    def __init__(self, sizes: Mapping[Did, int] | None = None) -> None:
        self._sizes = dict(sizes or {})
        self.total = sum(self._sizes.values())

    def __getitem__(self, did: Did) -> int:
        return self._sizes[did]

    def __setitem__(self, did: Did, size: int) -> None:
        self.total += size - self._sizes.get(did, 0)
        self._sizes[did] = size

    def __delitem__(self, did: Did) -> None:
        self.total -= self._sizes.pop(did)

    def __iter__(self) -> Iterator[Did]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)


@dataclass(slots=True)
class Settling:
    """A walk whose tree, of `rev`, is being compared with what is stored.

    What the stream tells late is in that tree, or undone by it; written after the comparison, it
    would stay, since what undoes it comes when the repo is past it. It is for a walk that fails.
    """

    rev: str
    late: list[RecordChange] = field(default_factory=list)
    room: int = LATE_BYTES

    def put_aside(self, changes: Sequence[RecordChange]) -> None:
        self.room -= sum(len(change.value or b"") for change in changes)
        if self.room < 0:
            self.late.clear()  # all or nothing: what is left would be undone by what is not
        else:
            self.late += changes


class Verdict(StrEnum):
    STALE = "stale"
    CHAINED = "chained"
    COMPLETE = "complete"
    BROKEN = "broken"
    DURING_WALK = "during-walk"


@dataclass(frozen=True, slots=True)
class RepoState:
    did: Did
    state: State
    rev: str | None = None
    data: bytes | None = None
    walked: frozenset[str] = frozenset()
    reason: str | None = None


def is_stale(repo: RepoState | None, rev: str) -> bool:
    """Revs are TIDs: they order as strings, and a relay may replay old ones."""
    return repo is not None and repo.rev is not None and rev <= repo.rev


def follow_commit(
    repo: RepoState | None, commit: VerifiedCommit, collections: frozenset[str]
) -> tuple[Verdict, RepoState]:
    """Give the state after a commit that proved itself; its operations apply unless it is stale."""
    if is_stale(repo, commit.rev):
        assert repo is not None
        return Verdict.STALE, repo
    synchronized = RepoState(
        commit.did, State.SYNCHRONIZED, commit.rev, commit.data, walked=collections
    )
    if repo is not None and repo.state is State.RESYNCING:
        return Verdict.DURING_WALK, repo
    if repo is None and commit.complete_history:
        return Verdict.COMPLETE, synchronized
    if repo is None:
        repo = RepoState(commit.did, State.DESYNCHRONIZED, reason="first seen with a history")
    if repo.state is not State.SYNCHRONIZED:
        return Verdict.BROKEN, replace(repo, state=State.DESYNCHRONIZED)
    broken = _broken_link(repo, commit)
    if broken is None:
        return Verdict.CHAINED, replace(synchronized, walked=repo.walked)
    return Verdict.BROKEN, replace(repo, state=State.DESYNCHRONIZED, reason=broken)


def _broken_link(repo: RepoState, commit: VerifiedCommit) -> str | None:
    if commit.legacy:
        return f"{commit.rev} came without prevData, or without the prev of an op"
    if commit.prev_data != repo.data:
        return f"prevData of {commit.rev} is not the tree of {repo.rev}"
    if commit.since != repo.rev:
        return f"since of {commit.rev} is {commit.since}, not {repo.rev}"
    return None


def follow_sync(repo: RepoState, sync: VerifiedSync) -> tuple[Verdict, RepoState]:
    """Give the state after a #sync: the same tree under a new rev, or a reason to walk."""
    if is_stale(repo, sync.rev):
        return Verdict.STALE, repo
    if repo.state is State.RESYNCING:
        return Verdict.DURING_WALK, repo
    if repo.state is State.SYNCHRONIZED and sync.data == repo.data:
        return Verdict.CHAINED, replace(repo, rev=sync.rev)
    reason = f"#sync to {sync.rev} with another tree"
    return Verdict.BROKEN, replace(repo, state=State.DESYNCHRONIZED, reason=reason)
