"""What events come to in the database: each step whole or not at all, and the cursor with them.

One transaction a batch, one batch at a time: under a lock, what is read first holds to the end.
A value that Postgres cannot hold costs its own record and nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from indexer import counters
from indexer.events import QuarantineReason
from indexer.outbox import tell_records
from indexer.records import ledger
from indexer.records.ledger import Outcome
from indexer.records.prepare import Prepared, prepare
from indexer.records.record_type import RecordType, RecordUri
from indexer.rows import LOCK, begin, new_tally, write_counts, write_rows
from indexer.steps import (
    AccountStatus,
    Cursor,
    QueuedFrame,
    Step,
    write_accounts,
    write_cursor,
    write_queue,
    write_repos,
)
from lexicons.catalog import Catalog
from lexicons.syntax import Nsid
from migrations.database import Pool
from migrations.runner import Connection

__all__ = ["LOCK", "AccountStatus", "Cursor", "QueuedFrame", "Step", "WriteResult", "Writer"]

log = structlog.get_logger(__name__)

DEADLOCK_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class WriteResult:
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    reasons: Counter[QuarantineReason] = field(default_factory=Counter)

    def __add__(self, other: "WriteResult") -> "WriteResult":
        return WriteResult(self.outcomes + other.outcomes, self.reasons + other.reasons)

    def count(self, *outcomes: Outcome) -> int:
        return sum(number for (_, outcome), number in self.outcomes.items() if outcome in outcomes)

    @property
    def applied(self) -> int:
        return self.count(Outcome.STORED, Outcome.DELETED)

    @property
    def stale(self) -> int:
        return self.count(Outcome.STALE)

    @property
    def quarantined(self) -> int:
        return self.count(Outcome.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Piece:
    """A step, and what has become of its changes."""

    step: Step
    changes: tuple[Prepared, ...]


@dataclass(frozen=True, slots=True)
class Writer:
    pool: Pool
    record_types: Mapping[Nsid, RecordType[Any]]
    catalog: Catalog
    now: Callable[[], datetime]
    committed: Callable[[], None] = lambda: None
    epoch: int | None = None
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of whoever counts anew beside it."""

    async def write(self, steps: Sequence[Step], cursor: Cursor | None) -> WriteResult:
        """Commit the steps, in their order, and the cursor that passes them.

        Without a cursor nobody waits for the disk: a walk or an answer that a crash of Postgres
        takes back is due again, and it takes back no commit without all that came after it.
        """
        now = self.now()
        pieces = [Piece(step, self._prepare(step, now)) for step in steps]
        async with self.pool.acquire() as connection:
            for attempt in range(1, DEADLOCK_ATTEMPTS + 1):
                try:
                    result = await self._commit(connection, pieces, cursor, now)
                except asyncpg.DeadlockDetectedError:
                    if attempt == DEADLOCK_ATTEMPTS:
                        raise
                    log.warning("deadlock, batch written again", attempt=attempt)
                else:
                    self.committed()
                    return result
        raise AssertionError("unreachable")

    async def recount(self, limit: int) -> bool:
        """Let the counters follow a changed account by some links; False when none is behind.

        How far they are stands in the table: what a crash of Postgres takes back is done again.
        """
        async with self.pool.acquire() as connection:
            if not await counters.is_behind(connection):
                return False
            async with connection.transaction():
                await begin(connection, self.epoch, waits_for_disk=False)
                return await counters.recount_chunk(connection, new_tally(self.record_types), limit)

    def _prepare(self, step: Step, now: datetime) -> tuple[Prepared, ...]:
        return tuple(
            prepare(change, self.record_types, self.catalog, now) for change in step.changes
        )

    async def _commit(
        self,
        connection: Connection,
        pieces: Sequence[Piece],
        cursor: Cursor | None,
        now: datetime,
    ) -> WriteResult:
        try:
            async with connection.transaction():
                await begin(connection, self.epoch, waits_for_disk=cursor is not None)
                result = await self._apply(connection, pieces, now)
                if cursor is not None:
                    await write_cursor(connection, cursor, now)
                return result
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if not is_unstorable(error):
                raise
        async with connection.transaction():
            await begin(connection, self.epoch, waits_for_disk=cursor is not None)
            result = await self._apply_apart(connection, pieces, now)
            if cursor is not None:
                await write_cursor(connection, cursor, now)
            return result

    async def _apply(
        self, connection: Connection, pieces: Sequence[Piece], now: datetime
    ) -> WriteResult:
        steps = [piece.step for piece in pieces]
        changes = [change for piece in pieces for change in piece.changes]
        if steps:
            await write_accounts(connection, steps, now)
        result = WriteResult()
        if changes:
            result = await self._write_records(connection, changes, now)
        await write_repos(connection, steps, now)
        await write_queue(connection, steps, now)
        return result

    async def _write_records(
        self, connection: Connection, changes: Sequence[Prepared], now: datetime
    ) -> WriteResult:
        uris = list({change.uri: None for change in changes})
        settled = ledger.settle(changes, await ledger.load(connection, uris))
        winners = list(settled.winners.values())
        if winners:
            await ledger.store(connection, winners, now)
            await write_rows(connection, winners)
            await write_counts(connection, winners, new_tally(self.record_types))
            await tell_records(connection, winners)
        return WriteResult(settled.outcomes, settled.reasons)

    async def _apply_apart(
        self, connection: Connection, pieces: Sequence[Piece], now: datetime
    ) -> WriteResult:
        """Halve what fails until what fails is one step."""
        try:
            async with connection.transaction():
                return await self._apply(connection, pieces, now)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if not is_unstorable(error):
                raise
        if len(pieces) > 1:
            half = len(pieces) // 2
            first = await self._apply_apart(connection, pieces[:half], now)
            return first + await self._apply_apart(connection, pieces[half:], now)
        return await self._apply_with_quarantine(connection, pieces[0], now)

    async def _apply_with_quarantine(
        self, connection: Connection, piece: Piece, now: datetime
    ) -> WriteResult:
        """Find the changes that make the step fail, and keep their reason in their place."""
        error = await self._failure(connection, replace(piece, changes=()), now)
        if error is not None:
            raise error
        culprits = await self._culprits(connection, piece, now)
        kept = tuple(
            change.quarantined(QuarantineReason.UNSTORABLE, culprits[change.uri])
            if change.uri in culprits
            else change
            for change in piece.changes
        )
        homeless = await self._culprits(connection, replace(piece, changes=kept), now)
        for uri, detail in homeless.items():
            log.error("record that not even the quarantine can hold", uri=str(uri), error=detail)
        kept = tuple(change for change in kept if change.uri not in homeless)
        result = await self._apply(connection, [replace(piece, changes=kept)], now)
        lost = Counter((uri.collection, Outcome.QUARANTINED) for uri in homeless)
        return result + WriteResult(lost, Counter({QuarantineReason.UNSTORABLE: len(homeless)}))

    async def _culprits(
        self, connection: Connection, piece: Piece, now: datetime
    ) -> dict[RecordUri, str]:
        error = await self._failure(connection, piece, now)
        if error is None:
            return {}
        if len(piece.changes) == 1:
            return {piece.changes[0].uri: str(error)}
        half = len(piece.changes) // 2
        first = await self._culprits(connection, replace(piece, changes=piece.changes[:half]), now)
        rest = await self._culprits(connection, replace(piece, changes=piece.changes[half:]), now)
        return first | rest

    async def _failure(
        self, connection: Connection, piece: Piece, now: datetime
    ) -> Exception | None:
        """What Postgres would say to the step; nothing of it stays."""
        trial = connection.transaction()
        await trial.start()
        try:
            await self._apply(connection, [piece], now)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if not is_unstorable(error):
                raise
            return error
        else:
            return None
        finally:
            await trial.rollback()


def is_unstorable(error: Exception) -> bool:
    """SQLSTATE classes 22 (data exception) and 54 (program limit), or refused before sending."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None:
        return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return str(sqlstate)[:2] in {"22", "54"}
