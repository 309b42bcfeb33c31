"""A list: an album, a playlist or the mirror of somebody's likes, its items in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri, sort_time, texts
from lexicons.text import title_key
from migrations.runner import Connection


class Item(NamedTuple):
    subject: str
    subject_cid: str


class ListRow(NamedTuple):
    """The columns of `list`, then the items. `last_name` to `title_key`: see successor."""

    uri: str
    did: str
    rkey: str
    cid: str
    name: str | None
    list_type: str | None
    last_name: str | None
    last_list_type: str | None
    title_key: str
    item_count: int
    created_at: str
    updated_at: str | None
    sort_at: datetime
    indexed_at: datetime
    items: tuple[Item, ...]


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> ListRow:
    name, list_type = record.get("name"), record.get("listType")
    subjects = [item["subject"] for item in record["items"]]
    return ListRow(
        uri=str(uri),
        did=uri.did,
        rkey=uri.rkey,
        cid=cid,
        name=name,
        list_type=list_type,
        last_name=name,
        last_list_type=list_type,
        title_key=title_key(name or "") or "",
        item_count=len(subjects),
        created_at=record["createdAt"],
        updated_at=record.get("updatedAt"),
        sort_at=sort_time(uri.rkey, first_seen),
        indexed_at=first_seen,
        items=tuple(Item(subject["uri"], subject["cid"]) for subject in subjects),
    )


def subjects(row: ListRow) -> Iterable[str]:
    """A list counts once for everything in it, however often it is in it."""
    return {item.subject for item in row.items}


def successor(replaced: ListRow, row: ListRow) -> ListRow:
    """Reordering an album on plyr.fm rewrites the record without its name and type (R12)."""
    return row._replace(
        last_name=row.name if row.name is not None else replaced.last_name,
        title_key=row.title_key if row.name is not None else replaced.title_key,
        last_list_type=row.list_type if row.list_type is not None else replaced.last_list_type,
    )


async def upsert(connection: Connection, rows: Sequence[ListRow]) -> None:
    await connection.execute(
        """
        insert into list (
            uri, did, rkey, cid, name, list_type, last_name, last_list_type, title_key,
            item_count, created_at, updated_at, sort_at, indexed_at
        )
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::integer[], $11::text[], $12::text[], $13::timestamptz[],
            $14::timestamptz[]
        )
        on conflict (uri) do update
        set
            cid = excluded.cid,
            name = excluded.name,
            list_type = excluded.list_type,
            last_name = coalesce(excluded.last_name, list.last_name),
            last_list_type = coalesce(excluded.last_list_type, list.last_list_type),
            title_key = case
                when excluded.last_name is null then list.title_key
                else excluded.title_key
            end,
            item_count = excluded.item_count,
            created_at = excluded.created_at,
            updated_at = excluded.updated_at
        """,
        *columns([row[:-1] for row in rows]),
    )
    await _delete_items(connection, [row.uri for row in rows])
    items = [(row.uri, position, *item) for row in rows for position, item in enumerate(row.items)]
    if not items:
        return
    await connection.execute(
        """
        insert into list_item (list_uri, position, subject, subject_cid, sort_at, last_list_type)
        select list_uri, position, subject, subject_cid, list.sort_at, list.last_list_type
        from unnest($1::text[], $2::integer[], $3::text[], $4::text[])
            as new (list_uri, position, subject, subject_cid)
        join list on list.uri = new.list_uri
        """,
        *columns(items),
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    await connection.execute("delete from list where uri = any($1::text[])", texts(uris))
    await _delete_items(connection, texts(uris))


async def _delete_items(connection: Connection, lists: Sequence[str]) -> None:
    await connection.execute("delete from list_item where list_uri = any($1::text[])", lists)


LIST = RecordType(
    name="list",
    tables=("list", "list_item"),
    row=row,
    upsert=upsert,
    delete=delete,
    link_kind="list",
    subjects=subjects,
    tallied="lists",
    names_albums=True,
    successor=successor,
)
