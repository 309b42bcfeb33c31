"""What an event does, by what its repo has come to: decided at the desk, one event at a time.

Nothing here waits for anything. What is known of a repo changes at once, what of it goes into the
tables is a Step; both hold when the step is written.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from indexer import metrics
from indexer.doubts import Doubts
from indexer.events import (
    AccountEvent,
    Commit,
    IdentityEvent,
    Reason,
    RecordChange,
    Rejected,
    Sync,
    VerifiedCommit,
    VerifiedSync,
)
from indexer.proving import Pending, Queued, Verified
from indexer.repo_state import (
    QueueSizes,
    RepoState,
    Settling,
    State,
    Verdict,
    follow_commit,
    follow_sync,
    is_stale,
)
from indexer.seldom import Seldom
from indexer.steps import LAST_SEQ, AccountStatus, QueuedFrame, Step
from lexicons.cid import cid_text
from lexicons.syntax import Did

log = structlog.get_logger(__name__)

QUEUED_BYTES_PER_REPO = 16 << 20
QUEUED_BYTES = 512 << 20

STILL_SHOWN = frozenset({"throttled", "desynchronized"})


@dataclass(frozen=True, slots=True)
class Wakes:
    """Where the pipeline knocks when there is work that is not its own.

    Whoever is woken reads the tables: a knock is heard when what it is about is committed.
    """

    resync: asyncio.Event = field(default_factory=asyncio.Event)
    accounts: asyncio.Event = field(default_factory=asyncio.Event)
    recount: asyncio.Event = field(default_factory=asyncio.Event)
    numbering: asyncio.Event = field(default_factory=asyncio.Event)
    _knocked: list[asyncio.Event] = field(default_factory=list)

    def knock(self, wake: asyncio.Event) -> None:
        if wake not in self._knocked:
            self._knocked.append(wake)

    def ring(self) -> None:
        """Let the knocks be heard; the writer calls it after each commit."""
        self.numbering.set()
        while self._knocked:
            self._knocked.pop().set()


@dataclass(slots=True, kw_only=True)
class Decisions:
    """What is known of every tracked repo; whoever holds the desk may change it.

    `collections` are indexed; `queued` holds the bytes in each repo's queue, `settling` who was
    walked, `questioned` whose status is asked for: an #account that comes meanwhile takes them out.
    """

    collections: frozenset[str]
    repos: dict[Did, RepoState]
    inactive: set[Did]
    queued: QueueSizes
    settling: dict[Did, Settling] = field(default_factory=dict)
    questioned: set[Did] = field(default_factory=set)
    wakes: Wakes = field(default_factory=Wakes)
    doubts: Doubts = field(default_factory=Doubts)
    _seldom: Seldom = field(default_factory=lambda: Seldom(log))

    def _decide(self, pending: Pending) -> Iterable[Step]:
        event = pending.event
        if isinstance(event, IdentityEvent):
            return self._on_identity(event)
        if isinstance(event, AccountEvent):
            return self._on_account(event)
        if is_stale(self.repos.get(event.did), event.rev):
            metrics.rejected_total.labels(Reason.STALE_REV).inc()
            return ()
        if isinstance(pending.outcome, Rejected):
            return self._on_rejected(event.did, pending.outcome)
        return self._on_commit(event, pending)

    def _on_commit(self, event: Commit | Sync, pending: Pending) -> Iterable[Step]:
        outcome = pending.outcome
        if not isinstance(outcome, VerifiedCommit | VerifiedSync):
            return self._postpone(event, pending.frame, "identity unavailable")
        if event.did in self.inactive:
            # Proof of life: the PDS is asked, and nothing is shown until it answers.
            self.wakes.knock(self.wakes.accounts)
            asked = Step(did=event.did, status_due=event.did)
            return (asked, *self._postpone(event, pending.frame, "account inactive"))
        if self._state(event.did) is State.WAITING:
            return self._postpone(event, pending.frame, "behind a commit that waits")
        return self.follow(event, outcome, pending.frame)

    def follow(self, event: Commit | Sync, verified: Verified, frame: bytes) -> Iterable[Step]:
        """Follow a proven event: its operations count at once, the state says what is missing."""
        repo = self.repos.get(event.did)
        if isinstance(verified, VerifiedCommit):
            verdict, after = follow_commit(repo, verified, self.collections)
            changes = changes_of(verified)
        elif repo is None:
            return ()
        else:
            verdict, after = follow_sync(repo, verified)
            changes = ()
        metrics.verdicts_total.labels(verdict).inc()
        step = Step(did=event.did, changes=changes)
        if verdict is Verdict.DURING_WALK:
            settling = self.settling.get(event.did)
            if settling is not None and event.rev <= settling.rev:
                settling.put_aside(changes)
                step = Step(did=event.did)
            return (step, *self._enqueue(event, frame, after, "during a walk"))
        return (replace(step, repo=self._enter(after)),)

    def _state(self, did: Did) -> State | None:
        repo = self.repos.get(did)
        return None if repo is None else repo.state

    def _enter(self, after: RepoState) -> RepoState:
        before = self.repos.get(after.did)
        if before is None:
            self.wakes.knock(self.wakes.accounts)
        if after.state is State.DESYNCHRONIZED and before != after:
            self.wakes.knock(self.wakes.resync)
        self.repos[after.did] = after
        return after

    def _postpone(self, event: Commit | Sync, frame: bytes, reason: str) -> Iterable[Step]:
        """Keep for later what cannot be judged now; a repo that awaits a walk needs no queue."""
        repo = self.repos.get(event.did)
        if repo is None:
            repo = RepoState(event.did, State.WAITING)
        elif repo.state is State.DESYNCHRONIZED:
            return ()
        elif repo.state is State.GONE:
            return (self.desynchronize(repo, reason),)
        elif repo.state is not State.RESYNCING:
            repo = replace(repo, state=State.WAITING, reason=reason)
        self.wakes.knock(self.wakes.accounts)
        return self._enqueue(event, frame, repo, reason)

    def _enqueue(
        self, event: Commit | Sync, frame: bytes, repo: RepoState, reason: str
    ) -> Iterable[Step]:
        held = self.queued.get(event.did, 0) + len(frame)
        if held > QUEUED_BYTES_PER_REPO or self.queued.total + len(frame) > QUEUED_BYTES:
            self.queued.pop(event.did, None)
            step = self.desynchronize(repo, "its queue overflowed")
            return (replace(step, dequeue_through=LAST_SEQ),)
        self.queued[event.did] = held
        metrics.queued_total.labels(reason).inc()
        queued = QueuedFrame(event.did, event.seq, event.rev, frame, reason)
        return (Step(did=event.did, repo=self._enter(repo), enqueue=queued),)

    def track(self, did: Did, reason: str) -> Step:
        """Call for a walk of a repo, known or not."""
        repo = self.repos.get(did) or RepoState(did, State.DESYNCHRONIZED)
        if repo.state in {State.RESYNCING, State.WAITING}:
            return Step(did=did)
        return self.desynchronize(repo, reason)

    def desynchronize(self, repo: RepoState, reason: str) -> Step:
        after = replace(repo, state=State.DESYNCHRONIZED, reason=reason[:500])
        return Step(did=repo.did, repo=self._enter(after))

    def follow_queue(self, did: Did, queue: Sequence[Queued], *, is_whole: bool) -> list[Step]:
        """Leave the queue: follow its events in the order they came.

        Until its last one the repo goes on waiting, with the rev to which its chain has come. Of
        one whose chain is broken the rest is dropped: the walk that is due has it.
        """
        before = self.repos.pop(did)
        steps: list[Step] = []
        if before.rev is not None:
            self.repos[did] = replace(before, state=State.SYNCHRONIZED, reason=None)
        for queued in queue:
            event, outcome = queued.event, queued.outcome
            if outcome is None or is_stale(self.repos.get(did), event.rev):
                continue
            if isinstance(outcome, Rejected):
                steps += self._on_rejected(did, outcome)
            else:
                steps += self.follow(event, outcome, queued.frame)
        return [*steps, self._leave_queue(before, queue, is_whole=is_whole)]

    def _leave_queue(self, before: RepoState, queue: Sequence[Queued], *, is_whole: bool) -> Step:
        did = before.did
        after = self.repos.get(did)
        if not is_whole and (after is None or after.state is State.SYNCHRONIZED):
            self.queued[did] = self.queued.get(did, 0) - sum(len(queued.frame) for queued in queue)
            self.repos[did] = replace(after or before, state=before.state)
            return Step(did=did, repo=self.repos[did], dequeue_through=queue[-1].event.seq)
        if after is None:
            after = RepoState(did, State.DESYNCHRONIZED, reason="nothing in its queue held")
        self.queued.pop(did, None)
        return Step(did=did, repo=self._enter(after), dequeue_through=LAST_SEQ)

    def _on_rejected(self, did: Did, error: Rejected) -> Iterable[Step]:
        self._note_rejection(did, error)
        repo = self.repos.get(did)
        if repo is None or repo.state is not State.SYNCHRONIZED:
            return ()
        if not (error.reason.is_after_signature or error.reason is Reason.NO_IDENTITY):
            return ()
        return (self.desynchronize(repo, str(error)),)

    def _note_rejection(self, did: str | None, error: Rejected) -> None:
        metrics.rejected_total.labels(error.reason).inc()
        if did in self.repos and not error.reason.is_after_signature:
            self.doubts.note(Did(did))
        self._seldom.info(
            "rejected", error.reason, did=did, reason=error.reason, detail=error.detail[:300]
        )

    def _on_identity(self, event: IdentityEvent) -> Iterable[Step]:
        if event.did not in self.repos:
            return ()
        self.wakes.knock(self.wakes.accounts)
        return (Step(did=event.did, identity_due=event.did),)

    def _on_account(self, event: AccountEvent) -> Iterable[Step]:
        """Hide at once; `accounts` confirms at the DID's current PDS right after."""
        if event.did not in self.repos:
            return ()
        shown = is_shown(event.active, event.status)
        status = event.status or ("active" if event.active else "inactive")
        comes_back = shown and event.did in self.inactive
        self.note_status(event.did, shown=shown)
        self.questioned.discard(event.did)
        self.wakes.knock(self.wakes.accounts)
        account = AccountStatus(event.did, status, shown)
        due = None if event.active else event.did
        step = Step(did=event.did, account=account, status_due=due, walk_now=comes_back)
        if not event.active:
            return (step,)
        return (step, *self.welcome_back(event.did, State.GONE, State.WAITING))

    def welcome_back(
        self, did: Did, *states: State, reason: str = "its account is active again"
    ) -> Iterable[Step]:
        """Walk a repo that was away, or that waited: what it queued is in there."""
        repo = self.repos.get(did)
        if repo is None or repo.state not in states:
            return ()
        self.queued.pop(did, None)
        step = self.desynchronize(repo, reason)
        return (replace(step, dequeue_through=LAST_SEQ),)

    def note_status(self, did: Did, *, shown: bool) -> None:
        if shown and did in self.inactive:
            self.wakes.knock(self.wakes.resync)
        (self.inactive.discard if shown else self.inactive.add)(did)
        self.wakes.knock(self.wakes.recount)


def is_shown(active: bool, status: str | None) -> bool:
    """Whether a hosting status leaves an account's records visible.

    An inactive account without a status is a host's slip (R23): its PDS is asked before anything
    is hidden. A status that we do not know hides.
    """
    return active or status is None or status in STILL_SHOWN


def changes_of(commit: VerifiedCommit) -> tuple[RecordChange, ...]:
    return tuple(
        RecordChange(
            did=commit.did,
            collection=op.collection,
            rkey=op.rkey,
            rev=commit.rev,
            cid=None if op.cid is None else cid_text(op.cid),
            value=op.value,
        )
        for op in commit.ops
    )
