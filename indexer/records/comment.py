"""A comment at a moment of a track."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri, sort_time, texts
from migrations.runner import Connection


class CommentRow(NamedTuple):
    uri: str
    did: str
    rkey: str
    cid: str
    subject: str
    subject_cid: str
    text: str
    timestamp_ms: int
    created_at: str
    updated_at: str | None
    sort_at: datetime
    indexed_at: datetime


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> CommentRow:
    return CommentRow(
        uri=str(uri),
        did=uri.did,
        rkey=uri.rkey,
        cid=cid,
        subject=record["subject"]["uri"],
        subject_cid=record["subject"]["cid"],
        text=record["text"],
        timestamp_ms=record["timestampMs"],
        created_at=record["createdAt"],
        updated_at=record.get("updatedAt"),
        sort_at=sort_time(uri.rkey, first_seen),
        indexed_at=first_seen,
    )


async def upsert(connection: Connection, rows: Sequence[CommentRow]) -> None:
    await connection.execute(
        """
        insert into comment (
            uri, did, rkey, cid, subject, subject_cid, text, timestamp_ms, created_at, updated_at,
            sort_at, indexed_at
        )
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[]
        )
        on conflict (uri) do update
        set
            cid = excluded.cid,
            subject = excluded.subject,
            subject_cid = excluded.subject_cid,
            text = excluded.text,
            timestamp_ms = excluded.timestamp_ms,
            created_at = excluded.created_at,
            updated_at = excluded.updated_at
        """,
        *columns(rows),
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    await connection.execute("delete from comment where uri = any($1::text[])", texts(uris))


COMMENT = RecordType(
    name="comment",
    tables=("comment",),
    row=row,
    upsert=upsert,
    delete=delete,
    link_kind="comment",
    subjects=lambda comment: (comment.subject,),
)
