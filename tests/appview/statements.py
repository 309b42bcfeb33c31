"""The SQL statements that a pool carries out."""

from dataclasses import dataclass
from typing import Any

import asyncpg

# The borders of a transaction read nothing; what a type is made of, the driver asks but once.
BORDERS = (
    "begin", "commit", "rollback", "start", "set", "select pg_advisory", "reset", "unlisten",
    "with recursive typeinfo_tree", "select current_setting('jit')",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    arguments: tuple[Any, ...]


class Counted:
    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def take(self) -> list[Statement]:
        """Those since they were taken last."""
        taken, self.statements = self.statements, []
        return taken

    async def watch(self, connection: "asyncpg.Connection[Any]") -> None:
        connection.add_query_logger(self._note)

    def _note(self, query: Any) -> None:
        if not " ".join(query.query.split()).lower().startswith(BORDERS):
            self.statements.append(Statement(query.query, query.args))
