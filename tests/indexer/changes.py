"""Makers of records and changes for the tests of records, writer and counters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from indexer.events import RecordChange
from indexer.pipeline import Pipeline
from indexer.records.registry import record_types
from indexer.repo_state import QueueSizes
from indexer.steps import Cursor, Step
from indexer.writer import Writer, WriteResult
from lexicons.catalog import load_catalog
from lexicons.cid import Cid, cid_text, dag_cbor_cid, raw_cid
from lexicons.data_model import encode
from lexicons.syntax import Did, Nsid, RecordKey, Tid, tid_from_micros
from migrations.database import Pool

ALICE, BOB, CAROL = Did("did:plc:alice"), Did("did:plc:bob"), Did("did:plc:carol")
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
BORN = "2026-09-01T00:00:00.000Z"
CATALOG = load_catalog()
TYPES = record_types("fm.plyr")
SOME_CID = cid_text(dag_cbor_cid(b"some version"))


def tid(number: int, *, year: int = 2026) -> Tid:
    start = datetime(year, 6, 1, tzinfo=UTC)
    return tid_from_micros(int(start.timestamp()) * 1_000_000 + number)


def uri(did: str, collection: str, number: int) -> str:
    return f"at://{did}/fm.plyr.{collection}/{tid(number)}"


TRACK_URI = uri(ALICE, "track", 1)


def track(**fields: Any) -> dict[str, Any]:
    return {
        "$type": "fm.plyr.track",
        "title": "Sea",
        "artist": "Alice",
        "fileType": "mp3",
        "createdAt": BORN,
    } | fields


def audio_blob() -> dict[str, Any]:
    ref = Cid(raw_cid(b"sound"))
    return {"$type": "blob", "ref": ref, "mimeType": "audio/mpeg", "size": 5}


def strong_ref(subject: str) -> dict[str, Any]:
    return {"uri": subject, "cid": SOME_CID}


def like(subject: str = TRACK_URI, **fields: Any) -> dict[str, Any]:
    return {
        "$type": "fm.plyr.like",
        "subject": strong_ref(subject),
        "createdAt": BORN,
    } | fields


def comment(subject: str = TRACK_URI, **fields: Any) -> dict[str, Any]:
    return {
        "$type": "fm.plyr.comment",
        "subject": strong_ref(subject),
        "text": "that bass",
        "timestampMs": 1500,
        "createdAt": BORN,
    } | fields


def listing(*subjects: str, **fields: Any) -> dict[str, Any]:
    return {
        "$type": "fm.plyr.list",
        "items": [{"subject": strong_ref(subject)} for subject in subjects],
        "createdAt": BORN,
    } | fields


def profile(**fields: Any) -> dict[str, Any]:
    return {"$type": "fm.plyr.actor.profile", "createdAt": BORN} | fields


def change(
    record: dict[str, Any] | None,
    *,
    did: str = ALICE,
    collection: str | None = None,
    key: int | str = 1,
    rev: int = 1,
) -> RecordChange:
    """None: a deletion, of `collection`. A number as key or rev stands for the TID of its rank."""
    if collection is None:
        assert record is not None
        collection = record["$type"]
    value = None if record is None else encode(record)
    return RecordChange(
        did=Did(did),
        collection=Nsid(collection),
        rkey=RecordKey(tid(key) if isinstance(key, int) else key),
        rev=tid(rev),
        cid=None if value is None else cid_text(dag_cbor_cid(value)),
        value=value,
    )


def deletion(of: RecordChange, *, rev: int) -> RecordChange:
    return RecordChange(of.did, of.collection, of.rkey, tid(rev), None, None)


def new_writer(pool: Pool, now: datetime = NOW) -> Writer:
    return Writer(pool, TYPES, CATALOG, lambda: now)


def new_pipeline(pool: Pool) -> Pipeline:
    """With a desk and no repos; nothing that asks the network."""
    return Pipeline(
        host=None,
        writer=new_writer(pool),
        resolver=cast(Any, None),
        signals=frozenset(TYPES),
        collections=frozenset(TYPES),
        now=lambda: NOW,
        repos={},
        inactive=set(),
        queued=QueueSizes(),
    )


async def index(
    pool: Pool, *changes: RecordChange, cursor: Cursor | None = None, now: datetime = NOW
) -> WriteResult:
    """One step for each change, all in one batch."""
    steps = [Step(change.did, changes=(change,)) for change in changes]
    return await new_writer(pool, now).write(steps, cursor)


async def dump(pool: Pool, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the index."""
    tables = await pool.fetch(
        """
        select table_name, array_agg(column_name::text order by ordinal_position) as columns
        from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE'
          and table_name <> 'alembic_version'
        group by table_name
        """
    )
    return {
        table: sorted(map(tuple, await pool.fetch(f'select {names} from "{table}"')), key=repr)
        for table, columns in tables
        if (names := ", ".join(f'"{name}"' for name in columns if name not in without))
    }
