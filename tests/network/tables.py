"""The derived tables as sets of rows, without the columns that only say when we looked."""

from __future__ import annotations

from tests.network.program import Program

CLOCKS = {"indexed_at", "seen_at", "proven_at", "sort_at", "rev", "last_name", "last_list_type"}
TABLES = (
    "track",
    "like",
    "comment",
    "list",
    "list_item",
    "profile",
    "link",
    "subject_count",
    "account_count",
)


async def dump(
    program: Program, about: str = ""
) -> dict[str, list[tuple[tuple[str, object], ...]]]:
    """All rows, or those that name the DID: people of other tests may still be on their way."""
    tables = {}
    for table in TABLES:
        rows = await program.rows(f'select * from "{table}"')
        kept = [
            tuple((name, value) for name, value in row.items() if name not in CLOCKS)
            for row in rows
        ]
        tables[table] = sorted(
            (row for row in kept if not is_zero(row) and about in repr(row)), key=repr
        )
    return tables


def is_zero(row: tuple[tuple[str, object], ...]) -> bool:
    """A count of nothing may stand as a row of zeros, or as no row."""
    numbers = [value for _, value in row[1:]]
    return bool(numbers) and all(value == 0 and value is not False for value in numbers)
