"""Mending: what the tables say of some records is forgotten, so that a walk can say it anew.

And what is added up of an account's records, and of what they are about, is put right.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby

import asyncpg

from indexer import albums, counters, list_sums
from indexer.counters import Tally
from indexer.outbox import tell_forgotten
from indexer.records import ledger
from indexer.records.record_type import RecordUri, texts
from indexer.recount import (
    ACCOUNT_COUNTS,
    OF_SUBJECTS,
    SUBJECT_COUNTS,
    SUBJECTS,
    WHOLE_TABLES_SECONDS,
    Names,
    Range,
    miscounted_accounts,
)
from indexer.rows import begin, new_tally
from indexer.takedowns import follow_accounts
from indexer.walks import Place
from indexer.writer import Writer
from lexicons.syntax import Did, Nsid
from migrations.runner import Connection

RECORDS_AT_ONCE = 200
SUBJECTS_AT_ONCE = 500

COUNTING = 0x706C7963
"""Advisory lock of whoever counts anew, for one transaction: "plyc"."""

FOLLOW_LINKS = """
update account set recount_after = ''
where did = $1 and active = counted_active and recount_after is null
"""

END_OF_CHUNK = """
select subject
from subject_count
where subject > $1 and subject < $2
order by subject
offset $3
limit 1
"""

LINKED = """
select distinct subject from link where did = $1 and subject > $2 order by subject limit $3
"""


async def forget(writer: Writer, did: Did, places: Iterable[Place]) -> None:
    """Erase the rows and links of these records, whether they are there or not.

    As purged tombstones they come back with the rev that they had. What the account's own counts
    come to is left to a recount.
    """
    uris = sorted(RecordUri(did, *place) for place in places)
    for start in range(0, len(uris), RECORDS_AT_ONCE):
        await _forget(writer, uris[start : start + RECORDS_AT_ONCE])


async def _forget(writer: Writer, uris: Sequence[RecordUri]) -> None:
    async with writer.pool.acquire() as connection, connection.transaction():
        await begin(connection, writer.epoch)
        await tell_forgotten(connection, uris)
        for collection, same in groupby(uris, lambda uri: uri.collection):
            await writer.record_types[Nsid(collection)].delete(connection, list(same))
        tally = new_tally(writer.record_types)
        await counters.replace_links(connection, texts(uris), [], tally)
        await counters.store(connection, tally)
        await ledger.purge(connection, uris)


async def put_right(writer: Writer, did: Did) -> None:
    """Count anew what an account has, and what it and its links are about; name its albums anew.

    Which of its links count is looked at again by whoever follows changed accounts.
    """
    await _follow_again(writer, did)
    await _count_account(writer, did)
    await _count_own(writer, did)
    await _count_linked(writer, did)


async def _follow_again(writer: Writer, did: Did) -> None:
    async with writer.pool.acquire() as connection:
        missing, stray = await albums.differences(connection, did)
        async with connection.transaction():
            await begin(connection, writer.epoch)
            await follow_accounts(connection, [did])
            await connection.execute(FOLLOW_LINKS, did)
            await albums.put_right(connection, did, missing, stray)
            await list_sums.put_right(connection, did)


async def _count_account(writer: Writer, did: Did) -> None:
    within, names = Range.of(did), Names.of(writer.record_types)
    async with _counting(writer) as (connection, tally):
        rows = await miscounted_accounts(connection, within, names)
        tally.accounts.update((row["did"], _lacking(row, ACCOUNT_COUNTS)) for row in rows)


async def _count_own(writer: Writer, did: Did) -> None:
    within = Range.of(did)
    start: str | None = within.first_subject
    while start is not None:
        async with _counting(writer) as (connection, tally):
            end = await connection.fetchval(
                END_OF_CHUNK, start, within.end_of_subjects, SUBJECTS_AT_ONCE
            )
            rows = await connection.fetch(
                SUBJECTS,
                start,
                end or within.end_of_subjects,
                within.is_everything,
                timeout=WHOLE_TABLES_SECONDS,
            )
            tally.subjects.update((row["subject"], _lacking(row, SUBJECT_COUNTS)) for row in rows)
        start = end


async def _count_linked(writer: Writer, did: Did) -> None:
    after: str | None = ""
    while after is not None:
        async with _counting(writer) as (connection, tally):
            found = await connection.fetch(LINKED, did, after, SUBJECTS_AT_ONCE)
            linked = [row["subject"] for row in found]
            rows = await connection.fetch(OF_SUBJECTS, linked, timeout=WHOLE_TABLES_SECONDS)
            tally.subjects.update((row["subject"], _lacking(row, SUBJECT_COUNTS)) for row in rows)
        after = linked[-1] if len(linked) == SUBJECTS_AT_ONCE else None


@asynccontextmanager
async def _counting(writer: Writer) -> AsyncIterator[tuple[Connection, Tally]]:
    """What counts lack when a statement looks, they lack still after others have written.

    So it is added at the end, and nobody waits while it is counted; but for another who counts
    anew and would add the same: here without a connection, in another process by a lock.
    """
    async with writer.counting, writer.pool.acquire() as connection, connection.transaction():
        await begin(connection, lock=COUNTING)
        tally = new_tally(writer.record_types)
        yield connection, tally
        if tally.subjects or tally.accounts:
            await begin(connection, writer.epoch)
            await counters.store(connection, tally)


def _lacking(row: asyncpg.Record, counts: Sequence[str]) -> list[int]:
    return [row[name] - row[f"held_{name}"] for name in counts]
