"""Labels in their table: the newest of each, with the place in the stream that they came from."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from indexer.columns import columns
from indexer.labels import hiding
from indexer.labels.label import Label
from indexer.records.prepare import storable_text
from indexer.records.record_type import RecordTypes
from indexer.rows import begin
from lexicons.syntax import Did
from migrations.database import Pool
from migrations.runner import Connection

MAX_ERROR_CHARACTERS: Final = 500


class Said(NamedTuple):
    """A label and the seq of its frame."""

    seq: int
    label: Label


async def write(
    pool: Pool, record_types: RecordTypes, labeler: Did, said: Iterable[Said], cursor: int
) -> None:
    """All of it, with what it hides and the cursor, or nothing."""
    newest = _newest(said)
    # Which of the labels with a ! hide, the view labels.hiding knows.
    subjects = sorted({one.label.uri for one in newest if one.label.val.startswith("!")})
    async with pool.acquire() as connection, connection.transaction():
        if subjects:
            await begin(connection)
        if newest:
            await _store(connection, newest)
        await connection.execute(
            """
            update labels.labeler
            set cursor = greatest(cursor, $2), received_at = now()
            where did = $1
            """,
            labeler,
            cursor,
        )
        if subjects:
            await hiding.follow(connection, record_types, subjects)


def _newest(said: Iterable[Said]) -> list[Said]:
    """Of one moment the later in the stream."""
    by_key: dict[tuple[str, ...], Said] = {}
    for one in said:
        held = by_key.get(one.label.key)
        if held is None or _place(one) >= _place(held):
            by_key[one.label.key] = one
    return [by_key[key] for key in sorted(by_key)]


def _place(one: Said) -> tuple[object, int]:
    return one.label.made_at, one.seq


async def _store(connection: Connection, said: Sequence[Said]) -> None:
    await connection.execute(
        """
        insert into labels.label as held (
            uri, src, val, cid, neg, cts, exp, sig, seq, made_at, expires_at
        )
        select *
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
            $8::bytea[], $9::bigint[], $10::timestamptz[], $11::timestamptz[]
        )
        on conflict (uri, src, val, cid) do update
        set
            neg = excluded.neg,
            cts = excluded.cts,
            exp = excluded.exp,
            sig = excluded.sig,
            seq = excluded.seq,
            made_at = excluded.made_at,
            expires_at = excluded.expires_at
        where (excluded.made_at, excluded.seq) >= (held.made_at, held.seq)
        """,
        *columns([_row(one) for one in said]),
    )


def _row(one: Said) -> tuple[object, ...]:
    label = one.label
    return (
        *label.key,
        label.neg,
        label.cts,
        label.exp,
        label.sig,
        one.seq,
        label.made_at,
        label.expires_at,
    )


async def trust(pool: Pool, labelers: Sequence[Did]) -> None:
    """These and no others: what others said is forgotten."""
    await pool.execute(
        "insert into labels.labeler (did) select * from unnest($1::text[]) on conflict do nothing",
        labelers,
    )
    others = await pool.fetch(
        "delete from labels.labeler where did <> all($1::text[]) returning did", labelers
    )
    if others:
        await pool.execute(
            "delete from labels.label where src = any($1::text[])", [row["did"] for row in others]
        )


async def load_cursor(pool: Pool, labeler: Did) -> int:
    cursor: int = await pool.fetchval("select cursor from labels.labeler where did = $1", labeler)
    return cursor


async def note_connection(pool: Pool, labeler: Did, *, error: str | None) -> None:
    """Connected is who has no error."""
    await pool.execute(
        "update labels.labeler set connected = $2, error = $3 where did = $1",
        labeler,
        error is None,
        None if error is None else storable_text(error, MAX_ERROR_CHARACTERS),
    )
