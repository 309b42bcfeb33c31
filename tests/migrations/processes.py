"""Other processes that use the embedded Postgres, and what a test asks of them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from migrations.cluster import strays
from migrations.folder import Folder, is_supervised
from tests.support import wait_until

REPOSITORY = Path(__file__).parents[2]
POSTMASTER = "select pg_postmaster_start_time()::text"


class User:
    """Another process of ours; see user.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> str:
        assert self.process.stdout
        return (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode().strip()

    async def asks(self, statement: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(statement.encode() + b"\n")
        return await self.says()

    async def leaves(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), 60) == 0

    async def dies(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def another_process(folder: Folder, command: list[str] | None = None) -> AsyncIterator[User]:
    process = await asyncio.create_subprocess_exec(
        *(command or [sys.executable]),
        *("-m", "tests.migrations.user", str(folder.path)),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield User(process)
    finally:
        if process.returncode is None:
            await User(process).leaves()


async def is_stopped(folder: Folder) -> None:
    await wait_until(lambda: not is_supervised(folder))
    assert not folder.cluster.exists() or strays(folder.cluster) == []


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def answers(url: str, statement: str) -> bool:
    try:
        await ask(url, statement)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


def postmaster(folder: Folder) -> int:
    return int((folder.cluster / "postmaster.pid").read_text().split()[0])


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def exists(path: str) -> bool:
    return Path(path).exists()
