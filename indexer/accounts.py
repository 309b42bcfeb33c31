"""Who the accounts are and whether their hosts serve them: questions asked beside the stream.

What is due stands in the table `account`, so a restart forgets no question.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from indexer import metrics
from indexer.draining import drain
from indexer.hosting import DELETED, status_at_host
from indexer.pipeline import Pipeline
from indexer.questions import Asker, Except, Question
from indexer.repo_state import State
from indexer.seldom import Seldom
from indexer.steps import AccountStatus, Step
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import Unreachable
from xrpc.identity import DidTombstoned, IdentityError, IdentityResolver
from xrpc.remote import HostBusy, Remote, RemoteError
from xrpc.tasks import first_of

log = structlog.get_logger(__name__)

RECOUNT_POLL_SECONDS = 1.0  # a takedown comes from another process, which cannot wake this one
WAITS = 8  # three quarters of an hour, all in all
IDENTITY_AGE = timedelta(hours=24)
SECOND_LOOK = timedelta(seconds=5)
FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(hours=6)
RECOUNT_ROWS = 100

DUE_IDENTITIES = """
select did, coalesce(pds, split_part(did, ':', 3)) as host
from account
where identity_due_at <= $1
  and did <> all($2::text[])
  and coalesce(pds, split_part(did, ':', 3)) <> all($3::text[])
order by identity_due_at
limit $4
"""

DUE_STATUSES = """
select did, coalesce(pds, split_part(did, ':', 3)) as host
from account
where status_due_at <= $1
  and did <> all($2::text[])
  and coalesce(pds, split_part(did, ':', 3)) <> all($3::text[])
order by status_due_at
limit $4
"""

DUE_WAITING = """
select did, coalesce(pds, split_part(did, ':', 3)) as host
from repo
left join account using (did)
where state = 'waiting'
  and due_at <= $1
  and did <> all($2::text[])
  and coalesce(pds, split_part(did, ':', 3)) <> all($3::text[])
order by due_at
limit $4
"""

IDENTITY_FAILED = """
update account
set identity_failures = identity_failures + 1,
    identity_due_at = $2::timestamptz + backoff(identity_failures, $3, $4)
where did = $1
"""

STATUS_FAILED = """
update account
set status_failures = status_failures + 1,
    status_due_at = $2::timestamptz + backoff(status_failures, $3, $4)
where did = $1
"""

# A host may call an account active again and again whose repo it does not have.
WALK_LATER_EACH_TIME = """
update repo
set due_at = $2::timestamptz + backoff(attempts, $3, $4)
where did = $1 and attempts > 1
"""

WAIT_LONGER = """
update repo
set attempts = attempts + 1,
    due_at = $2::timestamptz + backoff(attempts, $3, $4)
where did = $1
returning attempts
"""


@dataclass(slots=True)
class Accounts:
    pool: Pool
    pipeline: Pipeline
    resolver: IdentityResolver
    remote: Remote
    now: Callable[[], datetime]
    _askers: tuple[Asker, ...] = field(init=False)
    _seldom: Seldom = field(default_factory=lambda: Seldom(log))

    def __post_init__(self) -> None:
        self._askers = (
            Asker(partial(self._due, DUE_STATUSES), self.confirm_status),
            Asker(partial(self._due, DUE_WAITING), self.drain_waiting),
            Asker(partial(self._due, DUE_IDENTITIES), self.refresh_identity),
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for asker in self._askers:
                group.create_task(asker.run())
            group.create_task(self._wake_askers())
            group.create_task(self._keep_counting())

    async def _wake_askers(self) -> None:
        wake = self.pipeline.wakes.accounts
        while True:
            await wake.wait()
            wake.clear()
            for asker in self._askers:
                asker.wake.set()

    async def _keep_counting(self) -> None:
        """At most half of the time the writer's lock is held for this: the rest is the stream's."""
        loop, wake = asyncio.get_running_loop(), self.pipeline.wakes.recount
        while True:
            wake.clear()
            begun = loop.time()
            while await self.recount():
                await asyncio.sleep(loop.time() - begun)
                begun = loop.time()
            await first_of(wake, RECOUNT_POLL_SECONDS)

    async def ask_what_is_due(self) -> bool:
        """Ask each question that is due once; tell whether there were any."""
        return any([await asker.round() for asker in self._askers])

    async def recount(self) -> bool:
        """Let the counters follow a changed account by one chunk; False when none is behind."""
        return await self.pipeline.writer.recount(RECOUNT_ROWS)

    async def _due(self, sql: str, besides: Except, limit: int) -> Sequence[Question]:
        rows = await self.pool.fetch(sql, self.now(), besides.dids, besides.hosts, limit)
        return [Question(Did(did), host) for did, host in rows]

    async def _later_each_time(self, sql: str, did: Did) -> int | None:
        attempts: int | None = await self.pool.fetchval(
            sql, did, self.now(), FIRST_RETRY, LONGEST_RETRY
        )
        return attempts

    # identities -------------------------------------------------------------------------------

    async def refresh_identity(self, did: Did) -> None:
        """Resolve the DID anew and prove its handle both ways."""
        asked_at = self.now()
        try:
            identity = await self.resolver.resolve(did, force=True)
            identity = await self.resolver.prove_handle(identity)
        except DidTombstoned:
            await self._set_status(did, "deleted", shown=False)
            await self._identity_asked(did, asked_at, IDENTITY_AGE)
        except IdentityError as error:
            metrics.identity_failures_total.inc()
            self._seldom.info(
                "identity not resolved", type(error).__name__, did=did, error=str(error)[:300]
            )
            await self._later_each_time(IDENTITY_FAILED, did)
        else:
            if identity.handle is None and identity.claimed_handle is not None:
                # Often only young: the document was there before the DNS record.
                log.debug("handle not proven", did=did, handle=identity.claimed_handle)
                await self._later_each_time(IDENTITY_FAILED, did)
                return
            age = IDENTITY_AGE * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            if not self.resolver.was_asked_since(identity, asked_at):
                age = SECOND_LOOK  # an event may be newer than what was remembered
            await self._identity_asked(did, asked_at, age)

    async def _identity_asked(self, did: Did, asked_at: datetime, again_in: timedelta) -> None:
        """An #identity that came after the question asks it again; so does what is not saved."""
        if self.resolver.is_unsaved(did):
            again_in = FIRST_RETRY
        await self.pool.execute(
            """
            update account
            set identity_due_at = $3, identity_failures = 0
            where did = $1 and identity_due_at <= $2
            """,
            did,
            asked_at,
            self.now() + again_in,
        )

    # statuses ---------------------------------------------------------------------------------

    async def confirm_status(self, did: Did) -> None:
        """Ask the DID's current PDS, freshly resolved, whether it serves the account (R24).

        An unreachable host answers nothing: what upstream said stands, and the question stays.
        """
        self.pipeline.questioned.add(did)
        try:
            status, shown = await self._status_at_pds(did)
        except (IdentityError, Unreachable, RemoteError, HostBusy) as error:
            self.pipeline.questioned.discard(did)
            self._seldom.info(
                "account status not confirmed",
                type(error).__name__,
                did=did,
                error=str(error)[:300],
            )
            await self._later_each_time(STATUS_FAILED, did)
            return
        await self._set_status(did, status, shown=shown, unless_told=True)
        if shown:
            await self.drain_waiting(did)

    async def _status_at_pds(self, did: Did) -> tuple[str, bool]:
        try:
            identity = await self.resolver.resolve(did, force=True)
        except DidTombstoned:
            return DELETED, False
        return await status_at_host(self.remote, identity)

    async def _set_status(
        self, did: Did, status: str, *, shown: bool, unless_told: bool = False
    ) -> None:
        """`unless_told`: where the stream has had a word since the question, it stands."""
        pipeline = self.pipeline
        async with pipeline.desk:
            if unless_told and did not in pipeline.questioned:
                return
            pipeline.questioned.discard(did)
            comes_back = shown and did in pipeline.inactive
            pipeline.note_status(did, shown=shown)
            account = AccountStatus(did, status, shown)
            step = Step(did=did, account=account, status_known=did, walk_now=comes_back)
            back = pipeline.welcome_back(did, State.GONE) if shown else ()
            await pipeline.writer.write([step, *back], None)
            if back:
                await self._later_each_time(WALK_LATER_EACH_TIME, did)

    # queues -----------------------------------------------------------------------------------

    async def drain_waiting(self, did: Did) -> None:
        """Follow the queued frames of a repo, in order, once its key and its status are known."""
        repo = self.pipeline.repos.get(did)
        if repo is None or repo.state is not State.WAITING:
            return
        if did in self.pipeline.inactive:
            await self._wait_longer(did)
            return
        try:
            identity = await self.resolver.resolve(did, force=True)
        except IdentityError:
            await self._wait_longer(did)
            return
        await drain(self.pipeline, did, identity.key, State.WAITING)

    async def _wait_longer(self, did: Did) -> None:
        """Not for ever: a walk finds what the queue holds, and forgets whom nobody knows."""
        attempts = await self._later_each_time(WAIT_LONGER, did)
        if attempts is None or attempts < WAITS:
            return
        async with self.pipeline.desk:
            steps = self.pipeline.welcome_back(did, State.WAITING, reason="it waited too long")
            await self.pipeline.writer.write(list(steps), None)
