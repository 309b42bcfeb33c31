"""Walks as they fall due: one of each repo at a time, few of one host, from whoever serves it.

Backfill and repair are the same walk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from indexer import metrics, requests
from indexer.events import Reason, RecordChange, Rejected, VerifiedRoot
from indexer.pipeline import Pipeline
from indexer.repo_state import RepoState, State, is_stale
from indexer.seldom import Seldom
from indexer.settling import finish, settle
from indexer.spool import NoSpace, Spool
from indexer.steps import LAST_SEQ, Step
from indexer.walks import (
    NOT_HOSTED,
    BlocksFromPds,
    Opened,
    Source,
    Truncated,
    open_repo,
    walk,
    while_it_stands,
)
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import Unreachable
from xrpc.identity import DidTombstoned, Identity, IdentityError, IdentityResolver
from xrpc.places import Places
from xrpc.remote import CALLS_PER_HOST, HostBusy, Remote, RemoteError
from xrpc.tasks import first_of

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0
WALK_SECONDS = 3600.0
LEAST_SECONDS = 120.0  # for longer than that a host may trickle only while no repo is due
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
PUT_BACK_AT_MOST = 1_000
TRIES_OF_STRANGERS = 24


class NoWorkerLeft(Exception):
    """As many repos of that host are being walked as may be."""


@dataclass(slots=True)
class Resync:
    pool: Pool
    pipeline: Pipeline
    resolver: IdentityResolver
    remote: Remote
    relay_origin: str | None
    spool: Spool
    now: Callable[[], datetime]
    failing: set[Did] = field(default_factory=set)
    least_seconds: float = LEAST_SECONDS
    # By DID, the host that is asked, or is to be when it has a worker left.
    _walking: dict[Did, str] = field(default_factory=dict)
    _put_back_of: dict[Did, str] = field(default_factory=dict)
    _at_once_per_host: int = CALLS_PER_HOST
    _places: Places = field(default_factory=lambda: Places(1, LEAST_SECONDS))
    _seldom: Seldom = field(default_factory=lambda: Seldom(log))

    async def run(self, workers: int) -> None:
        """One host never has them all: who is slow to answer holds up its own repos.

        Nor for long has anybody: one worker more than there are places calls for one.
        """
        self._at_once_per_host = max(1, min(CALLS_PER_HOST, workers - 1))
        self._places = Places(workers, self.least_seconds)
        async with asyncio.TaskGroup() as group:
            for _ in range(workers + 1):
                group.create_task(self._work())

    async def _work(self) -> None:
        wake = self.pipeline.wakes.resync
        while True:
            wake.clear()
            while (did := await self.claim()) is not None:
                await self.resync(did)
            await first_of(wake, POLL_SECONDS)

    async def claim(self) -> Did | None:
        """Take the repo that is due for longest, of a host that has workers left."""
        passed: set[Did] = set()
        while (due := await self._due(passed)) is not None:
            did, host = due
            passed.add(did)
            async with self.pipeline.desk:
                repo = self.pipeline.repos.get(did) or RepoState(did, State.DESYNCHRONIZED)
                if did in self._walking or repo.state is not State.DESYNCHRONIZED:
                    continue  # since we looked
                repo = replace(repo, state=State.RESYNCING)
                self.pipeline.repos[did] = repo
                await self.pipeline.writer.write([Step(did=did, repo=repo)], None)
                self._walking[did] = self._put_back_of.pop(did, host)
                return did
        return None

    async def _due(self, passed: Set[Did]) -> tuple[Did, str] | None:
        at_host = Counter(self._walking.values())
        full = {host for host, number in at_host.items() if number >= self._at_once_per_host}
        full.update(self.remote.resting())
        waiting = [did for did, host in self._put_back_of.items() if host in full]
        row = await self.pool.fetchrow(
            """
            select did, coalesce(pds, split_part(did, ':', 3)) as host
            from repo
            left join account using (did)
            where state = 'desynchronized'
              and due_at <= $1
              and did <> all($2::text[])
              and coalesce(pds, split_part(did, ':', 3)) <> all($3::text[])
            order by due_at
            limit 1
            """,
            self.now(),
            [*self._walking, *waiting, *passed],
            sorted(full),
        )
        return None if row is None else (Did(row["did"]), row["host"])

    def _take_worker(self, did: Did, host: str) -> None:
        """Of a newcomer the host shows only when its document came."""
        others = [pds for other, pds in self._walking.items() if other != did]
        if others.count(host) >= self._at_once_per_host:
            if len(self._put_back_of) >= PUT_BACK_AT_MOST:
                self._put_back_of.clear()
            self._put_back_of[did] = host
            raise NoWorkerLeft
        self._walking[did] = host

    async def resync(self, did: Did) -> None:
        """Walk one claimed repo; whatever its hosts do, it ends in a state with a due time."""
        try:
            async with asyncio.timeout(WALK_SECONDS), self._places.taken():
                await self._resync(did)
        except DidTombstoned as error:
            await self._gone(did, str(error))
        except RemoteError as error:
            if error.error in NOT_HOSTED:
                await self._gone(did, error.error)
            else:
                await self._failed(did, error)
        except NoWorkerLeft:
            await self._put_back(did)
        except HostBusy as error:
            await self._failed(did, error, timedelta(seconds=error.seconds))
        except (IdentityError, Unreachable, Rejected, Truncated, NoSpace, OSError) as error:
            await self._failed(did, error)
        else:
            self.failing.discard(did)
            metrics.resyncs_total.labels("done").inc()
        finally:
            self.pipeline.settling.pop(did, None)
            self._walking.pop(did, None)

    async def _resync(self, did: Did) -> None:
        identity = await self.resolver.resolve(did)
        if identity.pds is None or identity.key is None:
            raise Rejected(Reason.NO_IDENTITY, "the DID document names no PDS or no key")
        self._take_worker(did, identity.pds)
        source = BlocksFromPds(self.remote, identity.pds, did)
        try:
            is_settled = await while_it_stands(
                lambda: self._open(source, identity),
                lambda opened: self._read(source, opened, identity),
            )
        except RemoteError as error:
            if not error.is_not_served or error.error in NOT_HOSTED:
                raise
            is_settled = False
        if not is_settled:
            await self._resync_by_car(identity)

    async def _resync_by_car(self, identity: Identity) -> None:
        """From the relay first, which redirects or shares one fetch among many; then the PDS."""
        assert identity.pds is not None
        origins = [origin for origin in (self.relay_origin, identity.pds) if origin is not None]
        async with self.spool.fetched(identity.did, origins) as source:
            await self._read(source, await self._open(source, identity), identity)

    # walking ----------------------------------------------------------------------------------

    async def _open(self, source: Source, identity: Identity) -> Opened:
        known = self.pipeline.repos.get(identity.did)
        not_before = None if known is None else known.rev
        collections, now = self.pipeline.collections, self.now()
        try:
            return await open_repo(source, identity, collections, now=now, not_before=not_before)
        except Rejected as error:
            if error.reason is not Reason.BAD_SIGNATURE:
                raise
            fresh = await self.resolver.resolve(identity.did, force=True)
            return await open_repo(source, fresh, collections, now=now, not_before=not_before)

    async def _read(self, source: Source, opened: Opened, identity: Identity) -> bool:
        in_full = await requests.is_in_full(self.pool, identity.did)
        if not in_full and self._is_unchanged(opened.root):
            after = self.pipeline.repos[identity.did]
            await finish(self.pipeline, self.resolver, after, identity)
            return True
        walked = await walk(source, opened, self.pipeline.collections)
        await settle(self.pipeline, self.resolver, source, walked, identity, in_full=in_full)
        return True

    def _is_unchanged(self, root: VerifiedRoot) -> bool:
        """The chain that we proved ends where the host's does: nothing to walk for."""
        repo = self.pipeline.repos[root.did]
        if repo.rev is None or not repo.walked >= self.pipeline.collections:
            return False
        return (repo.rev, repo.data) == (root.rev, root.data)

    # ends -------------------------------------------------------------------------------------

    async def _gone(self, did: Did, reason: str) -> None:
        """No host serves it: `accounts` asks for the status, a sign of life brings it back."""
        metrics.resyncs_total.labels("gone").inc()
        self.failing.discard(did)
        async with self.pipeline.desk:
            self.pipeline.wakes.knock(self.pipeline.wakes.accounts)
            repo = replace(self.pipeline.repos[did], state=State.GONE, reason=reason[:500])
            self.pipeline.repos[did] = repo
            self.pipeline.queued.pop(did, None)
            step = Step(
                did=did,
                changes=self._late(did),
                repo=repo,
                status_due=did,
                dequeue_through=LAST_SEQ,
            )
            await self.pipeline.writer.write([step], None)
            await self.pool.execute("update repo set attempts = attempts + 1 where did = $1", did)
        await requests.close(self.pool, did, requests.GONE)

    def _late(self, did: Did) -> tuple[RecordChange, ...]:
        """No tree says now what became of it; it is proven. Where the repo is past it, one has."""
        settling = self.pipeline.settling.pop(did, None)
        if settling is None or is_stale(self.pipeline.repos.get(did), settling.rev):
            return ()
        return tuple(settling.late)

    async def _put_back(self, did: Did) -> None:
        async with self.pipeline.desk:
            repo = replace(self.pipeline.repos[did], state=State.DESYNCHRONIZED)
            self.pipeline.repos[did] = repo
            self.pipeline.queued.pop(did, None)
            step = Step(did=did, repo=repo, dequeue_through=LAST_SEQ)
            await self.pipeline.writer.write([step], None)

    async def _failed(self, did: Did, error: Exception, retry_in: timedelta | None = None) -> None:
        """Nothing is deleted; what was queued would not chain to anything, the next walk has it."""
        kind = type(error).__name__
        reason = f"{kind}: {error}"
        metrics.resyncs_total.labels("failed").inc()
        self.failing.add(did)
        self._seldom.info("resync failed", kind, did=did, reason=reason[:300])
        async with self.pipeline.desk:
            repo = self.pipeline.repos[did]
            repo = replace(repo, state=State.DESYNCHRONIZED, reason=reason[:500])
            self.pipeline.repos[did] = repo
            self.pipeline.queued.pop(did, None)
            step = Step(did=did, changes=self._late(did), repo=repo, dequeue_through=LAST_SEQ)
            await self.pipeline.writer.write([step], None)
            attempts = await self.pool.fetchval(
                """
                update repo
                set attempts = case
                        when $3::interval is null then attempts + 1
                        else greatest(attempts, 1)  -- to be busy is not to fail
                    end,
                    due_at = $2::timestamptz + coalesce($3, backoff(attempts, $4, $5))
                where did = $1
                returning attempts
                """,
                did,
                self.now(),
                retry_in,
                FIRST_RETRY,
                LONGEST_RETRY,
            )
            if attempts >= TRIES_OF_STRANGERS and repo.rev is None:
                await self._forget_stranger(did)

    async def _forget_stranger(self, did: Did) -> None:
        """One that never answered and never proved a record is not asked for ever."""
        holds = "select exists (select from record where did = $1)"
        if await self.pool.fetchval(holds, did):
            return
        self.failing.discard(did)
        self.pipeline.repos.pop(did, None)
        await self.pipeline.writer.write([Step(did=did, forget=did)], None)
