"""The index held against the network: every account asked for anew, every repo walked and proven.

Reads only. What differs is looked at again after a grace, since nothing stands still meanwhile;
what differs then in the same way is a difference.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from indexer import list_sums
from indexer.comparison import Network, in_account, in_repo
from indexer.differences import Difference
from indexer.events import Rejected
from indexer.hosting import DELETED, status_at_host
from indexer.records.record_type import RecordTypes
from indexer.recount import EVERYTHING, Names, Range, count_differences
from indexer.soundness import inspect
from indexer.spool import NoSpace, Spool
from indexer.walks import (
    BlocksFromPds,
    Opened,
    Source,
    Truncated,
    Walked,
    open_repo,
    walk,
    while_it_stands,
)
from lexicons.catalog import Catalog
from lexicons.syntax import Did
from migrations.database import Pool
from migrations.runner import Connection
from xrpc.client import Unreachable
from xrpc.identity import DidTombstoned, Identity, IdentityError, IdentityResolver
from xrpc.remote import HostBusy, Remote, RemoteError
from xrpc.tasks import end

AT_ONCE = 8
GRACE_SECONDS = 10.0
PASSES = 4
CATCH_UP_POLLS = 10
CATCH_UP_POLL_SECONDS = 0.2
BUSY_PATIENCE_SECONDS = 120.0

T = TypeVar("T")

ACCOUNT = """
select did, handle, pds, signing_key, upstream_status, upstream_active
from account
where did = $1
"""

REPO = "select state, rev, data, walked, reason from repo where did = $1"

NOT_ASKED = (
    IdentityError, Unreachable, RemoteError, HostBusy, Rejected, Truncated, NoSpace, OSError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at an account found, and what could not be asked."""

    did: Did
    differences: Sequence[Difference] = ()
    failures: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        return not self.differences and not self.failures

    def is_confirmed_by(self, earlier: "Looked") -> bool:
        """Whether an earlier look found all of this already, and one side has stood still since."""
        held = {(each.kind, each.subject, each.held) for each in earlier.differences}
        right = {(each.kind, each.subject, each.right) for each in earlier.differences}
        return all(
            (each.kind, each.subject, each.held) in held
            or (each.kind, each.subject, each.right) in right
            for each in self.differences
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """`resolver` has no store: nothing that is asked here may change the index."""

    pool: Pool
    resolver: IdentityResolver
    remote: Remote
    spool: Spool
    record_types: RecordTypes
    catalog: Catalog
    now: Callable[[], datetime]
    grace_seconds: float = GRACE_SECONDS

    async def known_dids(self) -> list[Did]:
        """Whoever has a repo here, or should have: records stand under their name."""
        rows = await self.pool.fetch(
            """
            select did from repo
            union
            select did
            from account
            where exists (
                select from record where record.did = account.did and state <> 'deleted'
            )
            order by did
            """
        )
        return [row["did"] for row in rows]

    async def looks(self, dids: Sequence[Did]) -> AsyncIterator[Looked]:
        """Give what holds of each account as soon as it is certain, in no order."""
        earlier: dict[Did, Looked] = {}
        for number in range(PASSES):
            if number:
                await asyncio.sleep(self.grace_seconds)
            doubtful: dict[Did, Looked] = {}
            async for looked in self._pass(dids):
                before = earlier.get(looked.did)
                if looked.is_clean or (before is not None and looked.is_confirmed_by(before)):
                    yield looked
                else:
                    doubtful[looked.did] = looked
            earlier, dids = doubtful, sorted(doubtful)
            if not dids:
                return
        for looked in earlier.values():
            yield Looked(looked.did, (), (*looked.failures, "differs each time in another way"))

    async def counts(self, dids: Sequence[Did] | None) -> list[Difference]:
        """Those that are not the sum of what is counted; None: all there are."""
        names = Names.of(self.record_types)
        ranges = [EVERYTHING] if dids is None else [Range.of(did) for did in dids]
        found = []
        async with self._moment() as connection:
            for within in ranges:
                found += await count_differences(connection, within, names)
        return found

    async def look(self, did: Did) -> Looked:
        """Compare one account, as it is now."""
        return await self.compare(did, await self.ask(did))

    async def compare(self, did: Did, network: Network) -> Looked:
        if network.walked is not None:
            await self._let_catch_up(did, network.walked.root.rev)
        async with self._moment() as connection:
            account = await connection.fetchrow(ACCOUNT, did)
            repo = await connection.fetchrow(REPO, did)
            holdings = await inspect(connection, did, self.record_types, self.catalog)
            sums = await list_sums.differences(connection, did)
        found = [*holdings.differences, *sums]
        if account is not None:
            found += in_account(network, dict(account))
        if network.walked is not None:
            state = None if repo is None else dict(repo)
            found += in_repo(network.walked, state, holdings, self.record_types)
        return Looked(did, found, network.failures)

    async def _pass(self, dids: Sequence[Did]) -> AsyncIterator[Looked]:
        left = iter(dids)
        under_way = {asyncio.create_task(self.look(did)) for did in islice(left, AT_ONCE)}
        try:
            while under_way:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                next_ones = islice(left, len(done))
                under_way |= {asyncio.create_task(self.look(did)) for did in next_ones}
                for task in done:
                    yield task.result()
        finally:
            await end(under_way)

    @asynccontextmanager
    async def _moment(self) -> AsyncIterator[Connection]:
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def _let_catch_up(self, did: Did, rev: str) -> None:
        """The indexer may be a moment behind a commit that we have just walked."""
        for _ in range(CATCH_UP_POLLS):
            if await self.pool.fetchval(
                "select coalesce(max(rev), '~') >= $2 from repo where did = $1", did, rev
            ):
                return
            await asyncio.sleep(CATCH_UP_POLL_SECONDS)

    # asking -----------------------------------------------------------------------------------

    async def ask(self, did: Did) -> Network:
        try:
            identity = await self.resolver.resolve(did, force=True)
        except DidTombstoned:
            return Network(status=(DELETED, False))
        except IdentityError as error:
            return Network(failures=[f"identity: {error}"])
        failures, has_proven, status, walked = [], True, None, None
        try:
            identity = await self.resolver.prove_handle(identity)
        except IdentityError as error:
            has_proven = False
            failures.append(f"handle: {error}")
        try:
            status = await _patiently(lambda: status_at_host(self.remote, identity))
            if status[1]:
                walked = await _patiently(lambda: self._walk(identity))
        except NOT_ASKED as error:
            what = "status" if status is None else "repo"
            failures.append(f"{what}: {type(error).__name__}: {error}")
        return Network(identity, has_proven, status, walked, failures)

    async def _walk(self, identity: Identity) -> Walked:
        if identity.pds is None:
            raise RemoteError(0, "", f"{identity.did} names no PDS")
        source = BlocksFromPds(self.remote, identity.pds, identity.did)
        try:
            walked = await while_it_stands(
                lambda: self._open(source, identity),
                lambda opened: walk(source, opened, self.record_types),
            )
        except RemoteError as error:
            if not error.is_not_served:
                raise
            walked = None
        if walked is not None:
            return walked
        async with self.spool.fetched(identity.did, [identity.pds]) as car:
            return await walk(car, await self._open(car, identity), self.record_types)

    async def _open(self, source: Source, identity: Identity) -> Opened:
        return await open_repo(source, identity, self.record_types, now=self.now())


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Leave a host in peace as long as it asks for, then ask again."""
    waited = 0.0
    while True:
        try:
            return await ask()
        except HostBusy as error:
            waited += error.seconds
            if waited > BUSY_PATIENCE_SECONDS:
                raise
            await asyncio.sleep(error.seconds)
