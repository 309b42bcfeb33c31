"""The table `record`: what was ever proven of every record, and which change of it came last."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from indexer.columns import columns
from indexer.events import QuarantineReason
from indexer.records.prepare import Prepared, RecordState
from indexer.records.record_type import RecordUri
from migrations.runner import Connection


class Outcome(StrEnum):
    STORED = "stored"
    DELETED = "deleted"
    STALE = "stale"
    QUARANTINED = "quarantined"


_OUTCOMES = {
    RecordState.VALID: Outcome.STORED,
    RecordState.DELETED: Outcome.DELETED,
    RecordState.INVALID: Outcome.QUARANTINED,
}


class Held(NamedTuple):
    rev: str
    is_valid: bool
    is_counted: bool
    is_purged: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known of some records before a batch."""

    held: Mapping[RecordUri, Held]
    taken_down: Collection[RecordUri]


@dataclass(frozen=True, slots=True)
class Winner:
    """The last of a record's changes in a batch. `is_interrupted`: between, it was not shown."""

    prepared: Prepared
    held: Held | None
    is_taken_down: bool = False
    is_interrupted: bool = False

    @property
    def was_valid(self) -> bool:
        return self.held is not None and self.held.is_valid

    @property
    def is_valid(self) -> bool:
        return self.prepared.state is RecordState.VALID

    @property
    def was_counted(self) -> bool:
        return self.held is not None and self.held.is_counted

    @property
    def is_counted(self) -> bool:
        return self.is_valid and not self.is_taken_down


@dataclass(frozen=True, slots=True)
class Settled:
    winners: Mapping[RecordUri, Winner]
    outcomes: Counter[tuple[str, Outcome]]
    reasons: Counter[QuarantineReason]


def settle(batch: Iterable[Prepared], ledger: Ledger) -> Settled:
    """Let newer revs win, in the order of arrival: revs are TIDs and order as strings.

    What was purged may come back as it was: a walk finds it under the rev that it had.
    """
    winners: dict[RecordUri, Winner] = {}
    settled = Settled(winners, Counter(), Counter())
    for prepared in batch:
        before = winners.get(prepared.uri)
        known = ledger.held.get(prepared.uri)
        newest = before.prepared.rev if before else known.rev if known else ""
        collection = prepared.uri.collection
        returns = before is None and known is not None and known.is_purged
        if prepared.rev < newest or (prepared.rev == newest and not returns):
            settled.outcomes[collection, Outcome.STALE] += 1
            continue
        settled.outcomes[collection, _OUTCOMES[prepared.state]] += 1
        if prepared.reason is not None:
            settled.reasons[prepared.reason] += 1
        is_taken_down = prepared.uri in ledger.taken_down
        winners.pop(prepared.uri, None)  # their order is that of their last changes
        winners[prepared.uri] = _follow(before, prepared, known, is_taken_down=is_taken_down)
    return settled


def _follow(
    before: Winner | None, prepared: Prepared, held: Held | None, *, is_taken_down: bool
) -> Winner:
    if held is not None:
        prepared = prepared.seen_first(held.seen_at)
    if before is None:
        return Winner(prepared, held, is_taken_down)
    if before.is_valid and prepared.state is RecordState.VALID:
        prepared = prepared.succeeding(before.prepared)
    return Winner(prepared, held, is_taken_down, before.is_interrupted or not before.is_valid)


async def load(connection: Connection, uris: Sequence[RecordUri]) -> Ledger:
    rows = await connection.fetch(
        """
        select
            wanted.did, wanted.collection, wanted.rkey, takedown.subject is not null as taken_down,
            rev, state = 'valid', counted, coalesce(record.reason = 'purged', false), seen_at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[])
            as wanted (did, collection, rkey, uri)
        left join record using (did, collection, rkey)
        left join local.takedown on takedown.subject = wanted.uri
        where rev is not null or takedown.subject is not null
        """,
        *columns([(*uri, str(uri)) for uri in uris]),
    )
    return Ledger(
        {RecordUri(*row[:3]): Held(*row[4:]) for row in rows if row["rev"] is not None},
        {RecordUri(*row[:3]) for row in rows if row["taken_down"]},
    )


async def store(connection: Connection, winners: Iterable[Winner], now: datetime) -> None:
    rows = sorted(
        (
            *winner.prepared.uri,
            winner.prepared.change.cid,
            winner.prepared.rev,
            winner.prepared.state,
            winner.is_counted,
            winner.prepared.reason,
            winner.prepared.detail,
            winner.prepared.change.value,
        )
        for winner in winners
    )
    status = await connection.execute(
        """
        insert into record (
            did, collection, rkey, cid, rev, state, counted, reason, detail, value, seen_at,
            proven_at
        )
        select *, $11::timestamptz, $11::timestamptz
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
            $8::text[], $9::text[], $10::bytea[]
        )
        on conflict (did, collection, rkey) do update
        set
            cid = excluded.cid,
            rev = excluded.rev,
            state = excluded.state,
            counted = excluded.counted,
            reason = excluded.reason,
            detail = excluded.detail,
            value = excluded.value,
            proven_at = excluded.proven_at
        where record.rev < excluded.rev
           or record.rev = excluded.rev and record.reason = 'purged'
        """,
        *columns(rows),
        now,
    )
    assert status == f"INSERT 0 {len(rows)}", "a record changed under the writer's lock"


async def purge(connection: Connection, uris: Sequence[RecordUri]) -> None:
    """Leave tombstones of these records, which a walk may bring back under the rev they have."""
    await connection.execute(
        """
        update record
        set
            state = 'deleted',
            reason = 'purged',
            counted = false,
            cid = null,
            detail = null,
            value = null
        from unnest($1::text[], $2::text[], $3::text[]) as purged (did, collection, rkey)
        where record.did = purged.did
          and record.collection = purged.collection
          and record.rkey = purged.rkey
        """,
        *columns(uris),
    )
