"""What an account says of itself on plyr: a bio and a picture."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri
from migrations.runner import Connection


class ProfileRow(NamedTuple):
    did: str
    uri: str
    cid: str
    bio: str | None
    avatar: str | None
    created_at: str
    updated_at: str | None
    indexed_at: datetime


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> ProfileRow:
    return ProfileRow(
        did=uri.did,
        uri=str(uri),
        cid=cid,
        bio=record.get("bio"),
        avatar=record.get("avatar"),
        created_at=record["createdAt"],
        updated_at=record.get("updatedAt"),
        indexed_at=first_seen,
    )


async def upsert(connection: Connection, rows: Sequence[ProfileRow]) -> None:
    await connection.execute(
        """
        insert into profile (did, uri, cid, bio, avatar, created_at, updated_at, indexed_at)
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[]
        )
        on conflict (did) do update
        set
            cid = excluded.cid,
            bio = excluded.bio,
            avatar = excluded.avatar,
            created_at = excluded.created_at,
            updated_at = excluded.updated_at
        """,
        *columns(rows),
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    dids = [uri.did for uri in uris]
    await connection.execute("delete from profile where did = any($1::text[])", dids)


PROFILE = RecordType(
    name="actor.profile",
    tables=("profile",),
    row=row,
    upsert=upsert,
    delete=delete,
)
