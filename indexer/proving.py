"""From an event to a proven one: with the key at hand, else with one from the network, in time.

Nothing here knows what a repo has come to; that is decided at the desk.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from indexer.events import (
    AccountEvent,
    Commit,
    IdentityEvent,
    Reason,
    Rejected,
    Sync,
    VerifiedCommit,
    VerifiedSync,
)
from indexer.frames import decode_frame
from indexer.repo_state import RepoState, State, is_stale
from indexer.verify import verify_commit, verify_sync
from lexicons.syntax import Did
from xrpc.identity import Identity, IdentityError, IdentityResolver
from xrpc.keys import PublicKey

PROVEN_AT_ONCE = 20
PROVEN_BYTES_AT_ONCE = 200_000
NETWORK_WAIT_SECONDS = 1.0
STRANGERS_WAIT_SECONDS = 0.05  # for what the table knows; what comes from a domain may be late

RepoEvent = Commit | Sync | IdentityEvent | AccountEvent
Verified = VerifiedCommit | VerifiedSync


class Unresolved(Exception):
    """The signer's key could not be had in time."""


@dataclass(slots=True)
class Pending:
    """An event of a tracked repo, or of one that becomes tracked by it."""

    event: RepoEvent
    frame: bytes
    resolving: asyncio.Task[Identity] | None = None
    outcome: Verified | Rejected | Unresolved | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """An event that waited, and what its proof came to; None for one too old to be proven."""

    event: Commit | Sync
    frame: bytes
    outcome: Verified | Rejected | None


@dataclass(frozen=True, slots=True)
class Prover:
    resolver: IdentityResolver
    collections: frozenset[str]
    now: Callable[[], datetime]
    _resolving: set[asyncio.Task[Identity]] = field(default_factory=set)

    def pending(self, event: RepoEvent, frame: bytes) -> Pending:
        """Ask for the signer's key as soon as the event comes, if it is not at hand."""
        pending = Pending(event, frame)
        if isinstance(event, Commit | Sync) and self.resolver.cached(event.did) is None:
            pending.resolving = self._start_resolving(event.did)
        return pending

    def _start_resolving(self, did: Did) -> asyncio.Task[Identity]:
        task = asyncio.create_task(self.resolver.resolve(did))
        self._resolving.add(task)
        task.add_done_callback(self._resolved)
        return task

    def _resolved(self, task: asyncio.Task[Identity]) -> None:
        self._resolving.discard(task)
        if not task.cancelled():
            task.exception()  # whoever needs the identity looks at it again

    async def prove(
        self, batch: Sequence[Pending], repos: Mapping[Did, RepoState], wait_seconds: float | None
    ) -> None:
        """Give each that has none its outcome, unless its repo is already past it.

        What the network answers later than that stays unresolved; None waits for every answer.
        A did:web may name a host that is slow on purpose: nobody else's commit waits for it. Nor
        for a repo that waits anyway.
        """
        read = 0
        batch = [pending for pending in batch if pending.outcome is None]
        for number, pending in enumerate(batch):
            if isinstance(pending.event, Commit | Sync):
                self._prove_now(pending, repos)
            read += len(pending.frame)
            if number % PROVEN_AT_ONCE == PROVEN_AT_ONCE - 1 or read >= PROVEN_BYTES_AT_ONCE:
                read = 0
                await asyncio.sleep(0)  # others share the loop
        asking = {
            asyncio.create_task(self._prove_later(pending)): pending.event.did
            for pending in batch
            if isinstance(pending.outcome, Unresolved)
            and not _is_waiting(repos.get(pending.event.did))
        }
        if asking:
            await _answers(asking, wait_seconds)

    def _prove_now(self, pending: Pending, repos: Mapping[Did, RepoState]) -> None:
        event = pending.event
        assert isinstance(event, Commit | Sync)
        if is_stale(repos.get(event.did), event.rev):
            return
        identity = self.resolver.cached(event.did)
        if identity is None or identity.key is None:
            pending.outcome = Unresolved("no key is known")
            return
        pending.outcome = self.verdict(event, identity.key)
        if is_bad_signature(pending.outcome):
            pending.outcome = Unresolved("the key may have changed")

    async def _prove_later(self, pending: Pending) -> None:
        """Prove with an identity from the network: fetched, or fetched anew after a failure."""
        event = pending.event
        assert isinstance(event, Commit | Sync)
        try:
            if pending.resolving is not None:
                identity = await asyncio.shield(pending.resolving)
                outcome = self.verdict(event, identity.key)
                if not is_bad_signature(outcome):
                    pending.outcome = outcome
                    return
            identity = await self.resolver.resolve(event.did, force=True)
        except IdentityError as error:
            if error.is_definitive:
                pending.outcome = Rejected(Reason.NO_IDENTITY, str(error))
            return
        pending.outcome = self.verdict(event, identity.key)

    def verdict(self, event: Commit | Sync, key: PublicKey | None) -> Verified | Rejected:
        """Verify with that key; what a stranger got wrong comes back as a value."""
        if key is None:
            return Rejected(Reason.NO_IDENTITY, f"{event.did} has no signing key")
        try:
            if isinstance(event, Sync):
                return verify_sync(event, key, now=self.now())
            return verify_commit(event, key, collections=self.collections, now=self.now())
        except Rejected as error:
            return error

    async def prove_queue(
        self,
        frames: Sequence[bytes],
        key: PublicKey | None,
        start: RepoState | None,
        ahead: Sequence[Queued],
    ) -> list[Queued]:
        """Prove what waited, save what is no newer than `start` or was proven `ahead`."""
        proven = {queued.frame: queued for queued in ahead}
        queue = []
        for number, frame in enumerate(frames):
            queue.append(proven.get(frame) or self._prove_queued(frame, key, start))
            if number % PROVEN_AT_ONCE == PROVEN_AT_ONCE - 1:
                await asyncio.sleep(0)
        return queue

    def _prove_queued(self, frame: bytes, key: PublicKey | None, start: RepoState | None) -> Queued:
        event = decode_frame(frame)
        assert isinstance(event, Commit | Sync)
        is_old = is_stale(start, event.rev)
        return Queued(event, frame, None if is_old else self.verdict(event, key))


async def _answers(asking: Mapping[asyncio.Task[None], Did], seconds: float | None) -> None:
    strangers = {task for task, did in asking.items() if did.startswith("did:web:")}
    others = asking.keys() - strangers
    if others:
        await asyncio.wait(others, timeout=seconds)
    if strangers:
        patience = None if seconds is None else min(seconds, STRANGERS_WAIT_SECONDS)
        await asyncio.wait(strangers, timeout=patience)
    for task in asking:
        task.cancel()
    for result in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def _is_waiting(repo: RepoState | None) -> bool:
    return repo is not None and repo.state is State.WAITING


def is_bad_signature(outcome: Verified | Rejected) -> bool:
    return isinstance(outcome, Rejected) and outcome.reason is Reason.BAD_SIGNATURE
