"""Repos that somebody asked to be checked: rows of repo_request, whoever wrote them.

A known repo is walked, its status and its handle asked for; of an unknown one it is first looked
whether it holds records of ours. The table is the only way in, so it works between processes and
while no indexer runs.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from indexer.events import Rejected
from indexer.pipeline import Pipeline
from indexer.records.prepare import storable_text
from indexer.repo_state import State
from indexer.seldom import Seldom
from indexer.steps import LAST_SEQ, Step
from indexer.walks import BlocksFromPds, Truncated, describes_any, open_repo, walk
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import Unreachable
from xrpc.identity import Identity, IdentityError, IdentityResolver
from xrpc.places import Places
from xrpc.remote import HostBusy, Remote, RemoteError

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
TAKEN_AT_ONCE = 500
LOOKS_AT_ONCE = 8
LOOK_SECONDS = 60.0
LEAST_SECONDS = 5.0  # who is slower is waited for while nobody else is asked for
KEPT = timedelta(days=1)
OUTCOME_MAX_CHARACTERS = 500
ASKED_FOR = "asked for"

DUE = "walk"
WALKED = "walked"
GONE = "gone"
NOTHING_HERE = "nothing-here"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `error` and `retry_at`: it did not go well, `rev`: it did."""

    did: Did
    state: str
    rev: str | None = None
    error: str | None = None
    retry_at: datetime | None = None


@dataclass(slots=True)
class Requests:
    pool: Pool
    pipeline: Pipeline
    resolver: IdentityResolver
    remote: Remote
    now: Callable[[], datetime]
    _looking: set[Did] = field(default_factory=set)
    _places: Places = field(default_factory=lambda: Places(LOOKS_AT_ONCE, LEAST_SECONDS))
    _seldom: Seldom = field(default_factory=lambda: Seldom(log))

    async def run(self) -> None:
        # Looks that were cut short begin again.
        await self.pool.execute("update repo_request set taken_at = null where outcome is null")
        async with asyncio.TaskGroup() as group:
            while True:
                while await self.take():
                    pass
                for did in await self._unknown():
                    self._looking.add(did)
                    group.create_task(self._look_and_note(did))
                await self._forget_old()
                await asyncio.sleep(POLL_SECONDS)

    async def take(self) -> int:
        """Make a walk due for every known repo that was asked for; give how many there were.

        One that is being walked right now is walked again after that.
        """
        dids: list[Did] = [
            row["did"]
            for row in await self.pool.fetch(
                """
                select did
                from repo_request
                join repo using (did)
                where taken_at is null
                  and repo.state <> 'resyncing'
                order by requested_at
                limit $1
                """,
                TAKEN_AT_ONCE,
            )
        ]
        async with self.pipeline.desk:
            taken = [did for did in dids if self._may_reopen(did)]
            if not taken:
                return 0
            await self.pipeline.writer.write([self._reopen(did) for did in taken], None)
            await self._note_taken(taken)
        self.pipeline.wakes.resync.set()
        self.pipeline.wakes.accounts.set()
        return len(taken)

    def _may_reopen(self, did: Did) -> bool:
        repo = self.pipeline.repos.get(did)
        return repo is not None and repo.state is not State.RESYNCING

    def _reopen(self, did: Did) -> Step:
        """What waits in its queue goes: the walk will have it all."""
        step = self.pipeline.desynchronize(self.pipeline.repos[did], ASKED_FOR)
        self.pipeline.queued.pop(did, None)
        return replace(step, status_due=did, identity_due=did, dequeue_through=LAST_SEQ)

    async def _note_taken(self, dids: Sequence[Did]) -> None:
        """In one transaction with the back-off that ends."""
        await self.pool.execute(
            """
            with reopened as (
                update repo set due_at = $2, attempts = 0 where did = any($1::text[])
            )
            update repo_request set taken_at = $2, outcome = $3 where did = any($1::text[])
            """,
            dids,
            self.now(),
            DUE,
        )

    # unknown repos ----------------------------------------------------------------------------

    async def _unknown(self) -> list[Did]:
        free = 2 * LOOKS_AT_ONCE - len(self._looking)  # half of them call for the places of others
        if free <= 0:
            return []
        rows = await self.pool.fetch(
            """
            update repo_request
            set taken_at = $2
            where did in (
                select did
                from repo_request
                where taken_at is null
                  and did <> all($3::text[])
                  and not exists (select from repo where repo.did = repo_request.did)
                order by requested_at
                limit $1
            )
            returning did
            """,
            free,
            self.now(),
            sorted(self._looking),
        )
        return [row["did"] for row in rows]

    async def _look_and_note(self, did: Did) -> None:
        outcome = storable_text(await self.look(did), OUTCOME_MAX_CHARACTERS)
        await self.pool.execute("update repo_request set outcome = $2 where did = $1", did, outcome)
        self._looking.discard(did)

    async def look(self, did: Did) -> str:
        """Track the repo if it holds records of ours; give the outcome of its request."""
        try:
            async with asyncio.timeout(LOOK_SECONDS), self._places.taken():
                identity = await self.resolver.resolve(did)
                if not await self._holds_ours(identity):
                    return NOTHING_HERE
        except (
            TimeoutError, IdentityError, Unreachable, RemoteError, HostBusy, Rejected, Truncated,
        ) as error:  # fmt: skip
            self._seldom.info(
                "repo not looked at", type(error).__name__, did=did, error=str(error)[:300]
            )
            return f"{type(error).__name__}: {error}"
        async with self.pipeline.desk:
            await self.pipeline.writer.write([self.pipeline.track(did, ASKED_FOR)], None)
        return DUE

    async def _holds_ours(self, identity: Identity) -> bool:
        did, pds, signals = identity.did, identity.pds, self.pipeline.signals
        if pds is None:
            raise RemoteError(0, "", f"{did} names no PDS")
        try:
            source = BlocksFromPds(self.remote, pds, did)
            opened = await open_repo(source, identity, signals, now=self.now())
            walked = await walk(source, opened, signals)
        except RemoteError as error:
            if not error.is_not_served:
                raise
        else:
            return bool(walked.entries)
        answer = await self.remote.query(pds, "com.atproto.repo.describeRepo", [("repo", did)])
        return describes_any(answer, signals)

    async def _forget_old(self) -> None:
        await self.pool.execute(
            "delete from repo_request where requested_at < $1 and outcome is not null",
            self.now() - KEPT,
        )


async def ask(pool: Pool, dids: Sequence[Did]) -> None:
    """Ask for walks in full, as an operator does."""
    await pool.execute(
        """
        insert into repo_request (did, in_full)
        select did, true from unnest($1::text[]) as asked (did)
        on conflict (did) do update
        set requested_at = now(), in_full = true, taken_at = null, outcome = null
        """,
        dids,
    )


async def known_dids(pool: Pool) -> list[Did]:
    return [row["did"] for row in await pool.fetch("select did from repo order by did")]


async def is_in_full(pool: Pool, did: Did) -> bool:
    """Whether the walk that is due is to believe nothing that the tables say."""
    return bool(
        await pool.fetchval(
            "select in_full from repo_request where did = $1 and outcome = $2", did, DUE
        )
    )


async def close(pool: Pool, did: Did, outcome: str) -> None:
    await pool.execute(
        "update repo_request set outcome = $2 where did = $1 and outcome = $3", did, outcome, DUE
    )


async def outcomes(pool: Pool, dids: Sequence[Did]) -> list[Outcome]:
    """Those that are known by now; a walk that failed is tried again, but that takes longer."""
    rows = await pool.fetch(
        """
        select did, outcome, state, rev, reason, due_at
        from repo_request
        left join repo using (did)
        where did = any($1::text[])
          and outcome is not null
          and (outcome <> $2 or state = 'desynchronized' and attempts > 0)
        """,
        dids,
        DUE,
    )
    return [_outcome(*row) for row in rows]


def _outcome(
    did: Did, outcome: str, state: str | None, rev: str | None, reason: str | None, due_at: datetime
) -> Outcome:
    if outcome == WALKED:
        return Outcome(did, state or WALKED, rev)
    if outcome == NOTHING_HERE:
        return Outcome(did, NOTHING_HERE)
    if outcome == GONE:
        return Outcome(did, GONE, error=reason)
    if outcome == DUE:
        return Outcome(did, "failed", error=reason, retry_at=due_at)
    return Outcome(did, "failed", error=outcome)
