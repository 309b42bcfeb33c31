"""The SQL statements that a pool carries out."""

from typing import Any

import asyncpg

# The borders of a transaction read nothing.
BORDERS = ("begin", "commit", "rollback", "start", "set", "select pg_advisory", "reset", "unlisten")


class Counted:
    """The statements that a pool has carried out."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def take(self) -> list[str]:
        taken, self.statements = self.statements, []
        return taken

    async def watch(self, connection: "asyncpg.Connection[Any]") -> None:
        connection.add_query_logger(self._note)

    def _note(self, query: Any) -> None:
        if not query.query.strip().lower().startswith(BORDERS):
            self.statements.append(query.query)
