"""Takedowns by hand: what is decided here, and what follows from it in the index at once.

Flags, links and counts follow in the transaction of the decision, under the writer's lock, so no
event comes in between. The counts of a whole account follow in the indexer's chunks, as always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

import asyncpg

from indexer.columns import columns
from indexer.events import RecordChange
from indexer.outbox import tell_records
from indexer.records.ledger import Held, Winner
from indexer.records.prepare import Prepared, RecordState
from indexer.records.record_type import RecordTypes, RecordUri
from indexer.rows import begin, new_tally, write_counts
from indexer.takedowns import follow_accounts
from lexicons.cid import parse_cid
from lexicons.data_model import decode_record
from lexicons.syntax import InvalidSyntax, Nsid, parse_at_uri, parse_did
from migrations.database import Pool
from migrations.runner import Connection

Subject = NewType("Subject", str)
"""As local.takedown holds it: an account's DID, a record's AT-URI, or did/cid for a blob."""

SUBJECTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Decision:
    subject: Subject
    actor: str
    reason: str | None = None


def parse_subject(text: str) -> Subject:
    """Take DIDs only: handles are resolved before. Raises InvalidSyntax or InvalidCid."""
    if text.startswith("at://"):
        uri = parse_at_uri(text)
        parse_did(uri.authority)
        if uri.collection and not uri.rkey:
            raise InvalidSyntax("the AT-URI of a record", text)
        return Subject(str(uri) if uri.rkey else uri.authority)
    did, slash, cid = text.partition("/")
    return Subject(f"{parse_did(did)}/{parse_cid(cid)}" if slash else parse_did(did))


async def take_down(pool: Pool, record_types: RecordTypes, decision: Decision) -> bool:
    """Give whether it was not taken down already; a new reason replaces the old one."""
    async with pool.acquire() as connection, connection.transaction():
        await begin(connection)
        status = await connection.execute(
            "insert into local.takedown (subject, reason) values ($1, $2) on conflict do nothing",
            decision.subject,
            decision.reason,
        )
        is_new = status == "INSERT 0 1"
        if not is_new and decision.reason is not None:
            await connection.execute(
                "update local.takedown set reason = $2 where subject = $1 and labeler = ''",
                decision.subject,
                decision.reason,
            )
        await _note(connection, "takedown", decision)
        await follow(connection, record_types, [decision.subject])
    return is_new


async def restore(pool: Pool, record_types: RecordTypes, decision: Decision) -> bool:
    """Give back what upstream allows; False when it was not taken down."""
    async with pool.acquire() as connection, connection.transaction():
        await begin(connection)
        status = await connection.execute(
            "delete from local.takedown where subject = $1 and labeler = ''", decision.subject
        )
        if status != "DELETE 1":
            return False
        await _note(connection, "restore", decision)
        await follow(connection, record_types, [decision.subject])
    return True


async def _note(connection: Connection, act: str, decision: Decision) -> None:
    await connection.execute(
        "insert into local.action (actor, act, subject, reason) values ($1, $2, $3, $4)",
        decision.actor,
        act,
        decision.subject,
        decision.reason,
    )


async def follow_all(pool: Pool, record_types: RecordTypes) -> None:
    """Follow what came into `local`, or left it, by other ways than these."""
    rows = await pool.fetch(
        """
        select subject from local.takedown where labeler = '' or subject like 'at://%'
        union
        -- A labeler names a great many accounts, and nearly all of them are strangers here.
        select subject from local.takedown join account on did = subject where not taken_down
        union
        select did from account where taken_down or hidden_parts is not null
        union
        select 'at://' || did || '/' || collection || '/' || rkey
        from record
        where state = 'valid' and not counted
        """
    )
    subjects = [Subject(row[0]) for row in rows]
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        async with pool.acquire() as connection, connection.transaction():
            await begin(connection)
            await follow(connection, record_types, subjects[start : start + SUBJECTS_AT_ONCE])


async def follow(
    connection: Connection, record_types: RecordTypes, subjects: Sequence[Subject]
) -> None:
    """Let the index agree with local.takedown about these; whoever calls has begun."""
    places = [subject.removeprefix("at://").split("/") for subject in subjects]
    await follow_accounts(connection, sorted({place[0] for place in places}))
    await _follow_records(
        connection, record_types, [RecordUri(*place) for place in places if len(place) == 3]
    )


async def _follow_records(
    connection: Connection, record_types: RecordTypes, uris: Sequence[RecordUri]
) -> None:
    """A record that is taken down keeps its row; its links and its place in the counts go."""
    if not uris:
        return
    rows = await connection.fetch(
        """
        select
            asked.did, asked.collection, asked.rkey, rev, cid, value, counted, seen_at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[])
            as asked (did, collection, rkey, uri)
        join record using (did, collection, rkey)
        where state = 'valid'
          and counted = exists (select from local.takedown where takedown.subject = asked.uri)
        """,
        *columns([(*uri, str(uri)) for uri in uris]),
    )
    winners = [_unchanged(row, record_types) for row in rows if row["collection"] in record_types]
    if not winners:
        return
    await write_counts(connection, winners, new_tally(record_types))
    await tell_records(connection, winners)
    await connection.execute(
        """
        update record
        set counted = not counted
        from unnest($1::text[], $2::text[], $3::text[]) as followed (did, collection, rkey)
        where record.did = followed.did
          and record.collection = followed.collection
          and record.rkey = followed.rkey
        """,
        *columns([winner.prepared.uri for winner in winners]),
    )


def _unchanged(row: asyncpg.Record, record_types: RecordTypes) -> Winner:
    """The record as it stands, whose takedown alone has changed."""
    uri = RecordUri(*row[:3])
    kind = record_types[Nsid(uri.collection)]
    record = decode_record(row["value"])
    prepared = Prepared(
        uri,
        RecordChange(*row[:6]),
        kind,
        RecordState.VALID,
        record,
        kind.row(uri, record, row["cid"], row["seen_at"]),
    )
    held = Held(row["rev"], True, row["counted"], False, row["seen_at"])
    # What was counted until now has been taken down, and the reverse.
    return Winner(prepared, held, is_taken_down=row["counted"])
