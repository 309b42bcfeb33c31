"""Erasing what an account wrote, once its PDS has confirmed that the account is deleted.

Chunk by chunk, each of which asks again whether it still may; killed anywhere, the next one finds
in the tables what is left. Tombstones stay, by rev, so that no replay brings anything back. The
repo is gone from the first chunk on: an account that returns is walked anew.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import asyncpg
import structlog

from indexer.events import RecordChange
from indexer.pipeline import Pipeline
from indexer.records import ledger
from indexer.records.ledger import Held, Winner
from indexer.records.prepare import Prepared, RecordState
from indexer.records.record_type import RecordTypes, RecordUri
from indexer.repo_state import State
from indexer.rows import begin, new_tally, write_counts, write_rows
from lexicons.syntax import Did, Nsid
from migrations.database import Pool
from migrations.runner import Connection

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0
CHUNK_RECORDS = 500
CHUNK_BYTES = 1 << 20  # a list has as many links as it is long
REASON = "its account is deleted"

Place: TypeAlias = tuple[str, str]
"""Collection and rkey of the last record that was looked at."""

START: Place = ("", "")


@dataclass(slots=True)
class Purge:
    pool: Pool
    pipeline: Pipeline
    _did: Did | None = None
    _after: Place = START

    async def run(self) -> None:
        while True:
            while await self.purge_some():
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def purge_some(self, limit: int = CHUNK_RECORDS) -> bool:
        """Erase one chunk; False when nobody is to be purged.

        A purge has ended when nothing is left from the start to the end: what was written behind
        its back, should that happen, it finds the second time.
        """
        async with self.pool.acquire() as connection:
            if await next_did(connection) is None:
                return False
            async with self.pipeline.desk:
                async with connection.transaction():
                    await begin(connection, self.pipeline.writer.epoch)
                    did = await next_did(connection)
                    if did is None:
                        return False
                    after = self._after if did == self._did else START
                    reached = await purge_chunk(
                        connection, self.pipeline.writer.record_types, did, after, limit
                    )
                    has_ended = after == START and reached is None
                    if has_ended:
                        await connection.execute(
                            "update account set purged_at = $2 where did = $1",
                            did,
                            self.pipeline.now(),
                        )
                self._did, self._after = did, reached or START
                self._close_repo(did)
        if has_ended:
            log.info("account purged", did=did)
        return True

    def _close_repo(self, did: Did) -> None:
        repo = self.pipeline.repos.get(did)
        if repo is not None:
            gone = replace(repo, state=State.GONE, walked=frozenset(), reason=REASON)
            self.pipeline.repos[did] = gone
        self.pipeline.queued.pop(did, None)


async def next_did(connection: Connection) -> Did | None:
    """Somebody to purge: inactive, deleted, no doubt left. A walk under way is let end first."""
    did: Did | None = await connection.fetchval(
        """
        select did
        from account
        where upstream_status = 'deleted'
          and not upstream_active
          and status_due_at is null
          and purged_at is null
          and not exists (
              select from repo where repo.did = account.did and repo.state = 'resyncing'
          )
        order by did
        limit 1
        """
    )
    return did


async def purge_chunk(
    connection: Connection, record_types: RecordTypes, did: Did, after: Place, limit: int
) -> Place | None:
    """Give how far it came, None: to the end."""
    # Its rev stays, so that replays are stale; but no walk has covered what is erased.
    await connection.execute(
        "update repo set state = 'gone', walked = '{}', reason = $2 where did = $1",
        did,
        REASON,
    )
    await connection.execute("delete from repo_queue where did = $1", did)
    rows = await connection.fetch(
        """
        select
            collection, rkey, rev, state = 'valid' as valid, counted, seen_at,
            coalesce(octet_length(value), 0) as bytes
        from record
        where did = $1
          and (collection, rkey) > ($2, $3)
          and state <> 'deleted'
        order by collection, rkey
        limit $4
        """,
        did,
        *after,
        limit,
    )
    chunk = _some(rows)
    await _erase(connection, record_types, did, chunk)
    if len(chunk) == len(rows) < limit:
        return None
    return chunk[-1]["collection"], chunk[-1]["rkey"]


def _some(rows: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """As many as may be erased at once, if there are any at least one."""
    bytes_left = CHUNK_BYTES
    for number, row in enumerate(rows):
        bytes_left -= row["bytes"]
        if bytes_left < 0:
            return rows[: max(number, 1)]
    return rows


async def _erase(
    connection: Connection, record_types: RecordTypes, did: Did, rows: Sequence[asyncpg.Record]
) -> None:
    if not rows:
        return
    known = [row for row in rows if row["collection"] in record_types]
    winners = [_deleted(did, row, record_types) for row in known]
    await write_rows(connection, winners)
    await write_counts(connection, winners, new_tally(record_types))
    uris = [RecordUri(did, row["collection"], row["rkey"]) for row in rows]
    await ledger.purge(connection, uris)


def _deleted(did: Did, row: asyncpg.Record, record_types: RecordTypes) -> Winner:
    uri = RecordUri(did, row["collection"], row["rkey"])
    change = RecordChange(did, row["collection"], row["rkey"], row["rev"], None, None)
    kind = record_types[Nsid(uri.collection)]
    held = Held(row["rev"], row["valid"], row["counted"], False, row["seen_at"])
    return Winner(Prepared(uri, change, kind, RecordState.DELETED), held)
