"""A connection that dies in the middle of what is done on it."""

from collections.abc import Awaitable, Callable

import asyncpg

from migrations.database import Pool
from migrations.runner import Connection
from tests.support import wait_until


async def dies(
    pool: Pool, url: str, after_statements: int, work: Callable[[Pool], Awaitable[object]]
) -> bool:
    """Let it die so many statements later; tell whether it came to that."""
    left, backend = after_statements, 0

    async def watch(connection: Connection) -> None:
        nonlocal backend
        backend = backend or connection.get_server_pid()

        def count(_query: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                connection.terminate()

        connection.add_query_logger(count)

    async def is_gone() -> bool:
        """Until then it may be committing what we did not wait for."""
        alive = "select exists (select from pg_stat_activity where pid = $1)"
        return not await pool.fetchval(alive, backend)

    async with asyncpg.create_pool(url, min_size=1, max_size=1, init=watch) as dying:
        try:
            await work(dying)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
            await wait_until(is_gone)
            return True
    return False
