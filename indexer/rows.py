"""What becomes of records in the tables of their kinds, in the links and in the counts.

Whoever calls this has begun its transaction with `begin`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from indexer import albums, counters
from indexer.counters import Link, Tally
from indexer.records.ledger import Winner
from indexer.records.list import LIST
from indexer.records.record_type import RecordTypes
from indexer.records.track import TRACK
from migrations.runner import Connection

LOCK = 0x706C7977
"""Advisory lock of whoever writes to the index, for one transaction: "plyw"."""


class LostLeadership(ConnectionError):
    """Another indexer is at work by now, or may be."""


async def begin(
    connection: Connection,
    epoch: int | None = None,
    *,
    waits_for_disk: bool = True,
    lock: int = LOCK,
) -> None:
    """Every statement here looks up a few keys among many rows, however few there seem to be.

    Left to statistics that lag behind a first fill, Postgres would read whole tables instead.
    A leader gives its epoch: with the lock in hand nobody can follow it before it has committed.
    """
    await connection.execute(
        """
        select
            set_config('enable_seqscan', 'off', true),
            set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true),
            set_config('jit', 'off', true),
            set_config('idle_in_transaction_session_timeout', '30s', true),
            case when not $2 then set_config('synchronous_commit', 'off', true) end,
            pg_advisory_xact_lock($1)
        """,
        lock,
        waits_for_disk,
    )
    if epoch is not None:
        last = await connection.fetchval("select last_value from leader_epoch")
        if last != epoch:
            raise LostLeadership(f"the indexer of epoch {last} leads, this one is of {epoch}")


def new_tally(record_types: RecordTypes) -> Tally:
    return Tally(next(nsid for nsid, kind in record_types.items() if kind is TRACK))


async def write_rows(connection: Connection, winners: Sequence[Winner]) -> None:
    titled = [winner for winner in winners if winner.prepared.kind.names_albums]
    before = await albums.named_by(
        connection, [str(each.prepared.uri) for each in titled if each.was_valid]
    )
    by_collection: dict[str, list[Winner]] = defaultdict(list)
    for winner in winners:
        by_collection[winner.prepared.uri.collection].append(winner)
    for same in by_collection.values():
        kind = same[0].prepared.kind
        gone = [
            winner.prepared.uri
            for winner in same
            if winner.was_valid and (winner.is_interrupted or not winner.is_valid)
        ]
        if gone:
            await kind.delete(connection, sorted(gone))
        rows = [winner.prepared.row for winner in same if winner.prepared.row is not None]
        if rows:
            await kind.upsert(connection, sorted(rows))
    await albums.follow(
        connection, [str(each.prepared.uri) for each in titled if each.is_valid], before
    )


async def write_counts(connection: Connection, winners: Sequence[Winner], tally: Tally) -> None:
    replaced, links = [], []
    for winner in winners:
        prepared = winner.prepared
        kind, uri = prepared.kind, prepared.uri
        if kind.tallied is not None:
            tally.add_to_account(uri.did, kind.tallied, winner.is_counted - winner.was_counted)
        if kind.link_kind is None:
            continue
        if winner.was_counted:
            replaced.append(str(uri))
        row: Any = prepared.row
        if row is not None and winner.is_counted:
            # What a list has from the start is as old as the list; what it has more by now, new.
            has_grown = kind is LIST and winner.was_counted
            made_at = None if has_grown else row.sort_at
            added = has_grown and row.list_type != "liked"
            links += [
                Link(str(uri), subject, kind.link_kind, uri.did, made_at, added)
                for subject in kind.subjects(row)
            ]
    await counters.replace_links(connection, replaced, links, tally)
    await counters.store(connection, tally)
