"""What becomes of records, put where subscribers are told from: in the transaction of the change.

Told is what the index shows: a valid version that is replaced by an invalid one is a deletion.
What accounts become is told by a trigger on their table.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from indexer.columns import columns
from indexer.records.ledger import Winner
from indexer.records.prepare import RecordState
from indexer.records.record_type import RecordUri
from migrations.runner import Connection

Action: TypeAlias = Literal["create", "update", "delete"]
Row: TypeAlias = tuple[str, str, str, str, str | None, Action, str | None, bool]

_REASONS = {
    RecordState.DELETED: "deleted",
    RecordState.INVALID: "invalid",
    RecordState.VALID: "taken-down",
}


async def tell_records(connection: Connection, winners: Iterable[Winner]) -> None:
    """In the order given. A walk of the first filling tells nothing: nobody can miss it."""
    rows = [row for winner in winners if (row := _row(winner)) is not None]
    if not rows:
        return
    await connection.execute(
        """
        insert into stream.outbox (kind, did, collection, rkey, rev, cid, action, reason, live)
        select 'record', told.*
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::boolean[]
        ) as told (did, collection, rkey, rev, cid, action, reason, live)
        where live or (select filled_at is not null from stream.state)
        """,
        *columns(rows),
    )


async def tell_forgotten(connection: Connection, uris: Sequence[RecordUri]) -> None:
    """Of records that are about to be erased, so that a walk can say anew what they are."""
    await connection.execute(
        """
        insert into stream.outbox (kind, did, collection, rkey, rev, action, reason, live)
        select 'record', did, collection, rkey, rev, 'delete', 'deleted', false
        from unnest($1::text[], $2::text[], $3::text[]) as forgotten (did, collection, rkey)
        join record using (did, collection, rkey)
        where record.counted
        """,
        *columns(uris),
    )


def _row(winner: Winner) -> Row | None:
    change = winner.prepared.change
    action = _action(was_shown=winner.was_counted, is_shown=winner.is_counted)
    if action is None:
        return None
    place = (change.did, change.collection, change.rkey, change.rev)
    if action == "delete":
        return (*place, None, action, _REASONS[winner.prepared.state], change.live)
    return (*place, change.cid, action, None, change.live)


def _action(*, was_shown: bool, is_shown: bool) -> Action | None:
    if is_shown:
        return "update" if was_shown else "create"
    return "delete" if was_shown else None
