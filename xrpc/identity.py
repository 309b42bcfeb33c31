"""Who a DID is: key, PDS and handle, asked for no more often than needed.

Past a soft age what is known is used while it is asked for anew, past a hard age not at all. A
question is asked once at a time; failures are remembered for a moment; a forced question has a
rate of its own by DID. The handle is proven apart: no signature waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cachetools import LRUCache

from lexicons.syntax import Did, Handle
from xrpc import metrics
from xrpc.client import GuardedClient
from xrpc.did_document import DidDocument
from xrpc.directory import Directory
from xrpc.flights import Flights
from xrpc.handles import HandleLookup
from xrpc.identity_errors import (
    DidDocumentInvalid,
    DidNotFound,
    DidTombstoned,
    DidUnsupported,
    HandleNotResolved,
    IdentityError,
    IdentityUnavailable,
)
from xrpc.identity_memory import HARD_AGE, IdentityMemory
from xrpc.identity_store import Identity, IdentityStore
from xrpc.names import Names
from xrpc.token_bucket import TokenBucket

__all__ = [
    "DidDocumentInvalid",
    "DidNotFound",
    "DidTombstoned",
    "DidUnsupported",
    "HandleNotResolved",
    "Identity",
    "IdentityError",
    "IdentityResolver",
    "IdentityUnavailable",
]

NOT_FOUND_AGE: Final = timedelta(seconds=60)
UNAVAILABLE_AGE: Final = timedelta(seconds=5)
FORCED_BURST: Final = 5
FORCED_EVERY: Final = timedelta(seconds=10)
HANDLE_AGE: Final = timedelta(minutes=5)
NO_HANDLE_AGE: Final = timedelta(seconds=60)
PROOF_AGE: Final = timedelta(seconds=5)
DISPROOF_AGE: Final = timedelta(seconds=2)
REMEMBERED_OWNERS: Final = 100_000
REMEMBERED_FAILURES: Final = 20_000


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: IdentityError
    until: datetime


@dataclass(frozen=True, slots=True)
class _Owner:
    """What a handle pointed at, and when; None for nobody."""

    did: Did | None
    asked_at: datetime


class IdentityResolver:
    def __init__(
        self,
        client: GuardedClient,
        plc_url: str,
        handle_resolver_url: str | None = None,
        store: IdentityStore | None = None,
        clock: Callable[[], datetime] = _now,
        names: Names | None = None,
    ) -> None:
        self._clock = clock
        self._directory = Directory(client, plc_url, seconds=self._seconds)
        self._handles = HandleLookup(client, handle_resolver_url, names)
        self._memory = IdentityMemory(store, clock)
        self._owners: LRUCache[Handle, _Owner] = LRUCache(REMEMBERED_OWNERS)
        self._failures: LRUCache[Did, _Failure] = LRUCache(REMEMBERED_FAILURES)
        self._forced: LRUCache[Did, TokenBucket] = LRUCache(REMEMBERED_FAILURES)
        self._flights = Flights()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._flights.cancel()

    # documents --------------------------------------------------------------------------------

    def cached(self, did: Did) -> Identity | None:
        """Without waiting: what memory holds, asked for anew behind the scenes when it is old."""
        known = self._memory.get(did)
        if known is None:
            return None
        is_old = self._clock() >= known.soft_until
        if is_old and self._directory.is_idle and not self._is_failing(did):
            self._flights.start((did, True), lambda: self._fetch(did))
        return known.identity

    async def resolve(self, did: Did, *, force: bool = False) -> Identity:
        """Key and PDS, and the handle where it is proven already. Raises IdentityError.

        `force` asks although an answer is known: for a signature that failed, and for #identity.
        """
        if force:
            return await self._resolve_anew(did)
        identity = self.cached(did)
        if identity is not None:
            return identity
        if self._is_failing(did):
            error = self._failures[did].error
            raise type(error)(str(error))
        return await self._flights.join((did, False), lambda: self._load_or_fetch(did))

    async def read_document(self, did: Did) -> DidDocument:
        """As it is now, with what an Identity does not keep."""
        return await self._directory.fetch(did)

    def forget(self, did: Did) -> None:
        """An event says that its document changed: the next question goes out."""
        self._memory.drop(did)
        self._failures.pop(did, None)

    def was_asked_since(self, identity: Identity, moment: datetime) -> bool:
        """Whether its document and its handle were asked for by then, not remembered."""
        claimed = identity.claimed_handle
        owner = None if claimed is None else self._owners.get(claimed)
        is_fresh = claimed is None or (owner is not None and owner.asked_at >= moment)
        return is_fresh and identity.resolved_at >= moment

    def is_unsaved(self, did: Did) -> bool:
        """Whether the table knows less of it than was found."""
        return self._memory.is_unsaved(did)

    async def _resolve_anew(self, did: Did) -> Identity:
        if (did, True) not in self._flights and not self._may_force(did):
            known = self._memory.get(did)
            if known is not None and self._clock() - known.identity.resolved_at < FORCED_EVERY:
                return known.identity
            raise IdentityUnavailable(f"{did}: asked too often")
        return await self._flights.join((did, True), lambda: self._fetch(did))

    def _may_force(self, did: Did) -> bool:
        bucket = self._forced.get(did)
        if bucket is None:
            per_second = 1 / FORCED_EVERY.total_seconds()
            bucket = TokenBucket.full(per_second, FORCED_BURST, self._seconds())
            self._forced[did] = bucket
        return bucket.take(self._seconds())

    async def _load_or_fetch(self, did: Did) -> Identity:
        stored = await self._memory.load(did)
        if stored is not None and self._clock() < stored.resolved_at + HARD_AGE:
            self._memory.put(stored)
            return stored
        # In the flight of forced questions: of two answers the older must not come last.
        return await self._flights.join((did, True), lambda: self._fetch(did))

    async def _fetch(self, did: Did) -> Identity:
        asked_at = self._clock()
        try:
            document = await self._directory.fetch(did)
        except IdentityError as error:
            metrics.identity_lookups_total.labels("did", type(error).__name__).inc()
            await self._note_failure(did, error)
            raise
        metrics.identity_lookups_total.labels("did", "ok").inc()
        known = self._memory.get(did)
        before = known.identity if known is not None else await self._memory.load(did)
        handle = before.handle if before is not None else None
        if handle != document.claimed_handle:
            handle = None
        identity = Identity(
            did, document.key, document.pds, document.claimed_handle, handle, asked_at
        )
        self._failures.pop(did, None)
        await self._memory.keep(identity)
        return identity

    # handles ----------------------------------------------------------------------------------

    async def prove_handle(self, identity: Identity) -> Identity:
        """Add the claimed handle where it points back, else take it away.

        IdentityUnavailable: that cannot be told now, and what was proven before stands.
        """
        claimed = identity.claimed_handle
        if claimed is None:
            return await self._settle(identity, None)
        owner = self._owners.get(claimed)
        if owner is not None:
            agrees = owner.did == identity.did
            if self._clock() - owner.asked_at < (PROOF_AGE if agrees else DISPROOF_AGE):
                return await self._settle(identity, claimed if agrees else None)
        did = await self._flights.join(claimed, lambda: self._find_owner(claimed))
        return await self._settle(identity, claimed if did == identity.did else None)

    async def resolve_handle(self, handle: Handle) -> Did:
        """The DID that a handle points at, whether or not that DID claims it."""
        owner = self._owners.get(handle)
        if owner is not None:
            age = NO_HANDLE_AGE if owner.did is None else HANDLE_AGE
            if self._clock() - owner.asked_at >= age:
                owner = None
        did = owner.did if owner else await self._flights.join(
            handle, lambda: self._find_owner(handle)
        )  # fmt: skip
        if did is None:
            raise HandleNotResolved(f"{handle} points at no DID")
        return did

    async def resolve_by_handle(self, handle: Handle) -> Identity:
        """The identity that a handle belongs to, proven both ways."""
        did = await self.resolve_handle(handle)
        identity = await self.resolve(did)
        if identity.claimed_handle != handle:
            identity = await self.resolve(did, force=True)
        if identity.claimed_handle != handle:
            raise HandleNotResolved(f"{handle} points at {did}, which does not claim it")
        return await self._settle(identity, handle)

    async def _find_owner(self, handle: Handle) -> Did | None:
        try:
            did: Did | None = await self._handles.find(handle)
        except HandleNotResolved:
            did = None
        except IdentityUnavailable:
            metrics.identity_lookups_total.labels("handle", "IdentityUnavailable").inc()
            raise
        outcome = "HandleNotResolved" if did is None else "ok"
        metrics.identity_lookups_total.labels("handle", outcome).inc()
        self._owners[handle] = _Owner(did, self._clock())
        self._memory.take_handle(handle, unless=did)
        return did

    async def _settle(self, identity: Identity, handle: Handle | None) -> Identity:
        """Keep the verdict on a handle, unless the document has changed its claim meanwhile."""
        known = self._memory.get(identity.did)
        if known is not None and known.identity.resolved_at >= identity.resolved_at:
            if known.identity.claimed_handle != identity.claimed_handle:
                return known.identity
            identity = known.identity
        settled = replace(identity, handle=handle)
        if settled == identity and known is not None:
            return settled
        await self._memory.keep(settled)
        return settled

    # failures ---------------------------------------------------------------------------------

    def _is_failing(self, did: Did) -> bool:
        failure = self._failures.get(did)
        return failure is not None and self._clock() < failure.until

    async def _note_failure(self, did: Did, error: IdentityError) -> None:
        age = NOT_FOUND_AGE if error.is_definitive else UNAVAILABLE_AGE
        self._failures[did] = _Failure(error, self._clock() + age)
        if error.is_definitive:
            await self._memory.forget(did)

    def _seconds(self) -> float:
        return self._clock().timestamp()
