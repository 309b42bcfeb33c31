"""What Postgres does for a statement, and how much of it: read off EXPLAIN ANALYZE."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from migrations.database import Pool
from tests.appview.statements import Statement

Node: TypeAlias = Mapping[str, Any]
MODES = ("force_custom_plan", "force_generic_plan")


async def plan(pool: Pool, statement: Statement, mode: str) -> Node:
    """As it is carried out, whether Postgres knows the values when it plans or not."""
    async with pool.acquire() as connection:
        kinds = (await connection.prepare(statement.sql)).get_parameters()
        values = [
            await connection.fetchval(f"select quote_nullable($1::{kind.name}::text)", argument)
            for kind, argument in zip(kinds, statement.arguments, strict=True)
        ]
        # The values of a statement that is explained with parameters are always known: only what
        # was prepared by name is planned without them.
        await connection.execute(f"set plan_cache_mode = {mode}")
        await connection.execute(f"prepare asked as {statement.sql}")
        try:
            text = await connection.fetchval(
                "explain (analyze, timing off, format json) execute asked"
                + (f" ({', '.join(values)})" if values else "")
            )
        finally:
            await connection.execute("deallocate asked")
    root: Node = json.loads(text)[0]["Plan"]
    return root


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def touched(node: Node) -> int:
    """The rows that a node looked at, over all its rounds."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


def sorted_rows(node: Node) -> int:
    """The most that any one round of a sort had to sort; an incremental one sorts bit by bit."""
    return int(node["Plans"][0]["Actual Rows"]) if node["Node Type"] == "Sort" else 0


def sentence(node: Node) -> str:
    what = node.get("Index Name") or node.get("Relation Name") or node.get("Alias") or ""
    return f"{node['Node Type']} {what} of {touched(node)} rows, {sorted_rows(node)} to sort"
