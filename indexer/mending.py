"""Mending: what the tables say of some records is forgotten, so that a walk can say it anew."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from indexer import counters
from indexer.outbox import tell_forgotten
from indexer.records import ledger
from indexer.records.record_type import RecordUri, texts
from indexer.rows import begin, new_tally
from indexer.walks import Place
from indexer.writer import Writer
from lexicons.syntax import Did, Nsid

RECORDS_AT_ONCE = 200


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
