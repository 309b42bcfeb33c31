"""A like: somebody's mark on a track, or on anything else that has a URI."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri, sort_time, texts
from migrations.runner import Connection


class LikeRow(NamedTuple):
    uri: str
    did: str
    rkey: str
    cid: str
    subject: str
    subject_cid: str
    created_at: str
    sort_at: datetime
    indexed_at: datetime


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> LikeRow:
    return LikeRow(
        uri=str(uri),
        did=uri.did,
        rkey=uri.rkey,
        cid=cid,
        subject=record["subject"]["uri"],
        subject_cid=record["subject"]["cid"],
        created_at=record["createdAt"],
        sort_at=sort_time(uri.rkey, first_seen),
        indexed_at=first_seen,
    )


async def upsert(connection: Connection, rows: Sequence[LikeRow]) -> None:
    await connection.execute(
        """
        insert into "like" (
            uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at
        )
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[], $9::timestamptz[]
        )
        on conflict (uri) do update
        set
            cid = excluded.cid,
            subject = excluded.subject,
            subject_cid = excluded.subject_cid,
            created_at = excluded.created_at
        """,
        *columns(rows),
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    await connection.execute('delete from "like" where uri = any($1::text[])', texts(uris))


LIKE = RecordType(
    name="like",
    tables=("like",),
    row=row,
    upsert=upsert,
    delete=delete,
    link_kind="like",
    subjects=lambda like: (like.subject,),
)
