"""What labels hide: rows of local.takedown that come and go with them.

Which labels hide at a moment is what the view labels.hiding says; these rows follow it, each
beside those of the operator and of other labelers, and all that a takedown does follows from them.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from indexer import moderation
from indexer.columns import columns
from indexer.moderation import SUBJECTS_AT_ONCE, Subject
from indexer.records.record_type import RecordTypes
from indexer.rows import begin
from migrations.database import Pool
from migrations.runner import Connection

Key: TypeAlias = tuple[str, str]

EVERYTHING = """
with held as (
    select subject, labeler from local.takedown where labeler <> ''
)
(select subject, labeler from labels.hiding except select subject, labeler from held)
union
(select subject, labeler from held except select subject, labeler from labels.hiding)
"""

# A label ends by itself, and one of a single version turns with its record.
TURNED = """
with turning as materialized (
    select array_agg(distinct uri) as subjects
    from labels.label
    where not neg
      and val in ('!hide', '!suspend', '!takedown')
      and (cid <> '' or expires_at is not null)
),
wanted as (
    select subject, labeler
    from labels.hiding
    where subject = any ((select subjects from turning)::text[])
),
held as (
    select subject, labeler
    from local.takedown
    where labeler <> ''
      and subject = any ((select subjects from turning)::text[])
)
(table wanted except table held)
union
(table held except table wanted)
"""


async def follow_everything(pool: Pool, record_types: RecordTypes) -> None:
    await _follow_in_chunks(pool, record_types, EVERYTHING)


async def follow_turned(pool: Pool, record_types: RecordTypes) -> None:
    await _follow_in_chunks(pool, record_types, TURNED)


async def _follow_in_chunks(pool: Pool, record_types: RecordTypes, statement: str) -> None:
    subjects = sorted({row["subject"] for row in await pool.fetch(statement)})
    for chunk in _chunks(subjects):
        async with pool.acquire() as connection, connection.transaction():
            await begin(connection)
            await follow(connection, record_types, chunk)


async def follow(
    connection: Connection, record_types: RecordTypes, subjects: Sequence[str]
) -> None:
    """Let takedowns agree with the labels of these; whoever calls has begun."""
    for chunk in _chunks(subjects):
        changed = await _follow_takedowns(connection, chunk)
        if changed:
            await moderation.follow(connection, record_types, changed)


async def _follow_takedowns(connection: Connection, subjects: Sequence[str]) -> list[Subject]:
    wanted: dict[Key, str] = {
        (row["subject"], row["labeler"]): row["reason"]
        for row in await connection.fetch(
            "select subject, labeler, reason from labels.hiding where subject = any($1)", subjects
        )
    }
    held: set[Key] = {
        (row["subject"], row["labeler"])
        for row in await connection.fetch(
            """
            select subject, labeler
            from local.takedown
            where subject = any($1) and labeler <> ''
            """,
            subjects,
        )
    }
    new = [(*key, reason) for key, reason in sorted(wanted.items()) if key not in held]
    gone = sorted(held - wanted.keys())
    if new:
        await connection.execute(
            """
            insert into local.takedown (subject, labeler, reason)
            select * from unnest($1::text[], $2::text[], $3::text[])
            """,
            *columns(new),
        )
    if gone:
        await connection.execute(
            """
            delete from local.takedown
            using unnest($1::text[], $2::text[]) as gone (subject, labeler)
            where takedown.subject = gone.subject
              and takedown.labeler = gone.labeler
            """,
            *columns(gone),
        )
    return [Subject(subject) for subject in sorted({key[0] for key in (*new, *gone)})]


def _chunks(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        yield subjects[start : start + SUBJECTS_AT_ONCE]
