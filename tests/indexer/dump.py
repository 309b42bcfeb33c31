"""What the database holds, for comparing two ways that should have led to the same."""

from migrations.database import Pool

CLOCKS = (
    "seen_at",
    "proven_at",
    "made_at",
    "added",
    "indexed_at",
    "first_seen_at",
    "identity_at",
    "identity_due_at",
    "status_due_at",
    "status_failures",
    "identity_failures",
    "queued_at",
    "updated_at",
    "received_at",
    "listened_at",
    "synced_at",
    "due_at",
)


async def everything(pool: Pool) -> dict[str, list[str]]:
    """Every row of every table, without the columns that a clock writes."""
    tables = await pool.fetch(
        """
        select table_name, array_agg(column_name::text order by column_name::text) as columns
        from information_schema.columns
        where table_schema = 'public'
        and column_name <> all ($1)
        and table_name in (
            select table_name from information_schema.tables where table_type = 'BASE TABLE'
        )
        group by table_name
        """,
        CLOCKS,
    )
    dump = {}
    for table in tables:
        columns = ", ".join(f'"{name}"' for name in table["columns"])
        rows = await pool.fetch(f'select ({columns})::text as line from "{table["table_name"]}"')
        dump[table["table_name"]] = sorted(row["line"] for row in rows)
    return dump
