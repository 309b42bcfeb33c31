"""The table `record`: what was ever proven of every record, and which change of it came last."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from indexer.events import QuarantineReason
from indexer.records.prepare import Prepared, RecordState
from indexer.records.record_type import RecordUri, columns
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
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Winner:
    """The last of a record's changes in a batch. `is_interrupted`: between, it was not shown."""

    prepared: Prepared
    held: Held | None
    is_interrupted: bool = False

    @property
    def was_valid(self) -> bool:
        return self.held is not None and self.held.is_valid

    @property
    def is_valid(self) -> bool:
        return self.prepared.state is RecordState.VALID


@dataclass(frozen=True, slots=True)
class Settled:
    winners: Mapping[RecordUri, Winner]
    outcomes: Counter[tuple[str, Outcome]]
    reasons: Counter[QuarantineReason]


def settle(batch: Iterable[Prepared], held: Mapping[RecordUri, Held]) -> Settled:
    """Let newer revs win, in the order of arrival: revs are TIDs and order as strings."""
    winners: dict[RecordUri, Winner] = {}
    settled = Settled(winners, Counter(), Counter())
    for prepared in batch:
        before = winners.get(prepared.uri)
        known = held.get(prepared.uri)
        newest = before.prepared.rev if before else known.rev if known else ""
        collection = prepared.uri.collection
        if prepared.rev <= newest:
            settled.outcomes[collection, Outcome.STALE] += 1
            continue
        settled.outcomes[collection, _OUTCOMES[prepared.state]] += 1
        if prepared.reason is not None:
            settled.reasons[prepared.reason] += 1
        winners[prepared.uri] = _follow(before, prepared, known)
    return settled


def _follow(before: Winner | None, prepared: Prepared, held: Held | None) -> Winner:
    if held is not None:
        prepared = prepared.seen_first(held.seen_at)
    if before is None:
        return Winner(prepared, held)
    if before.is_valid and prepared.state is RecordState.VALID:
        prepared = prepared.succeeding(before.prepared)
    return Winner(prepared, held, before.is_interrupted or not before.is_valid)


async def load(connection: Connection, uris: Sequence[RecordUri]) -> dict[RecordUri, Held]:
    rows = await connection.fetch(
        """
        select did, collection, rkey, rev, state = 'valid', seen_at
        from unnest($1::text[], $2::text[], $3::text[]) as wanted (did, collection, rkey)
        join record using (did, collection, rkey)
        """,
        *columns(uris),
    )
    return {RecordUri(*row[:3]): Held(*row[3:]) for row in rows}


async def store(connection: Connection, batch: Iterable[Prepared], now: datetime) -> None:
    rows = sorted(
        (
            *prepared.uri,
            prepared.change.cid,
            prepared.rev,
            prepared.state,
            prepared.reason,
            prepared.detail,
            prepared.change.value,
        )
        for prepared in batch
    )
    status = await connection.execute(
        """
        insert into record (
            did, collection, rkey, cid, rev, state, reason, detail, value, seen_at, proven_at
        )
        select *, $10::timestamptz, $10::timestamptz
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bytea[]
        )
        on conflict (did, collection, rkey) do update
        set
            cid = excluded.cid,
            rev = excluded.rev,
            state = excluded.state,
            reason = excluded.reason,
            detail = excluded.detail,
            value = excluded.value,
            proven_at = excluded.proven_at
        where record.rev < excluded.rev
        """,
        *columns(rows),
        now,
    )
    assert status == f"INSERT 0 {len(rows)}", "a record changed under the writer's lock"
