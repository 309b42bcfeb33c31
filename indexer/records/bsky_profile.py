"""The name and picture that an account shows on Bluesky, where most people have set theirs."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri
from migrations.runner import Connection


class BskyProfileRow(NamedTuple):
    did: str
    uri: str
    cid: str
    display_name: str | None
    avatar_cid: str | None
    indexed_at: datetime


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> BskyProfileRow:
    avatar = record.get("avatar")
    return BskyProfileRow(
        did=uri.did,
        uri=str(uri),
        cid=cid,
        display_name=record.get("displayName"),
        avatar_cid=None if avatar is None else str(avatar["ref"]),
        indexed_at=first_seen,
    )


async def upsert(connection: Connection, rows: Sequence[BskyProfileRow]) -> None:
    await connection.execute(
        """
        insert into bsky_profile (did, uri, cid, display_name, avatar_cid, indexed_at)
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]
        )
        on conflict (did) do update
        set
            cid = excluded.cid,
            display_name = excluded.display_name,
            avatar_cid = excluded.avatar_cid
        """,
        *columns(rows),
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    dids = [uri.did for uri in uris]
    await connection.execute("delete from bsky_profile where did = any($1::text[])", dids)


BSKY_PROFILE = RecordType(
    name="app.bsky.actor.profile",
    tables=("bsky_profile",),
    row=row,
    upsert=upsert,
    delete=delete,
    is_foreign=True,
)
