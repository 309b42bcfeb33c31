"""A process that uses the embedded Postgres: FOLDER as argument, one statement a line on stdin.

Answers "ready PID" (its own) and then one line a statement, until stdin ends.
"""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import structlog

from migrations import embedded


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    async with embedded.running(folder) as url:
        say(f"ready {os.getpid()}")
        while statement := await asyncio.to_thread(sys.stdin.readline):
            connection = await asyncpg.connect(url)
            say(await connection.fetchval(statement))
            await connection.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(Path(sys.argv[1])))
