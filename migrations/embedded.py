"""Use the Postgres in the data folder: start it when it does not run, stop it with its last user.

The server belongs to a supervisor process (supervisor.py), not to any of its users, so that one
may be killed while the others go on. Decided in docs/adr/0001-embedded-postgres.md.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import structlog

from migrations.cluster import DATABASE
from migrations.errors import EmbeddedFailed
from migrations.folder import (
    BUSY,
    Folder,
    has_users,
    is_supervised,
    open_file,
    read_status,
    try_lock,
)

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 103
"""What every system allows: macOS 103, Linux 107."""
START_TIMEOUT_SECONDS = 600
"""Recovery after a crash may read a gigabyte of WAL from a slow disk."""
POLL_SECONDS = 0.05
REPORT_SECONDS = 5
KEEP_SECONDS = 1
SPAWNS = 10
STOP_SECONDS = 60

SUPERVISOR_ENVIRONMENT = {"PATH", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"}
"""It gives up root's privileges, and our secrets with them."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    path: Path, *, start_timeout_seconds: float = START_TIMEOUT_SECONDS
) -> AsyncIterator[str]:
    """The URL of the database, good within this process and block."""
    deadline = time.monotonic() + start_timeout_seconds
    folder = Folder(Path.cwd() / path)
    users = _open_users(folder)
    try:
        while not try_lock(users, exclusive=False):  # held by a supervisor that is stopping
            await _pause(deadline, folder, "another supervisor is stopping it")
        with _socket_folder(folder.cluster) as socket_folder:
            url = f"postgresql://postgres@/{DATABASE}?host={quote(str(socket_folder))}"
            await _until_ready(folder, url, deadline)
            keeper = asyncio.create_task(_keep(folder))
            try:
                yield url
            finally:
                keeper.cancel()
                await asyncio.wait([keeper])
    finally:
        is_last = try_lock(users, exclusive=True)
        os.close(users)
        if is_last:
            await _until_stopped(folder)


def _open_users(folder: Folder) -> int:
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_file(folder.users)
    except PermissionError as error:
        raise EmbeddedFailed(
            f"{folder.path}: {_user_name(os.geteuid())} may not write there, it belongs to "
            f"{_owner_name(folder.path)}. Start plyr-appview as that user, or set PLYR_DATA_DIR."
        ) from error
    except OSError as error:
        raise EmbeddedFailed(f"{folder.path} cannot hold the database: {error}") from error


async def _until_ready(folder: Folder, url: str, deadline: float) -> None:
    """A real connection is the only proof; during recovery the server itself says so."""
    spawns = 0
    report_at = time.monotonic() + REPORT_SECONDS
    while True:
        if not is_supervised(folder):
            last = read_status(folder)
            if spawns == SPAWNS or (spawns and last.state == "failed"):
                raise EmbeddedFailed(f"{last.message} (more in {folder.log})")
            await _spawn(folder)
            spawns += 1
        status = read_status(folder)
        # Until then whoever answers is a server left behind, which is about to be stopped.
        is_running = status.state == "running"
        refusal = await _try_connection(url) if is_running else "not started yet"
        if refusal is None:
            return
        if time.monotonic() > report_at:
            report_at += REPORT_SECONDS
            log.info("waiting for the embedded Postgres", supervisor=status.message, said=refusal)
        await _pause(deadline, folder, f"{status.state}: {status.message}: {refusal}")


async def _pause(deadline: float, folder: Folder, why: str) -> None:
    if time.monotonic() > deadline:
        raise EmbeddedFailed(
            f"the embedded Postgres was not ready in time; {why} (more in {folder.log})"
        )
    await asyncio.sleep(POLL_SECONDS)


async def _try_connection(url: str) -> str | None:
    """None: connected. Else why not."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.OperatorInterventionError, asyncpg.PostgresConnectionError) as error:
        return str(error)
    await connection.close()
    return None


async def _spawn(folder: Folder) -> None:
    """Returns when a supervisor holds its lock: this one, or another that was faster."""
    source = str(Path(__file__).parent.parent)
    env = {name: value for name, value in os.environ.items() if name in SUPERVISOR_ENVIRONMENT}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [source, env.get("PYTHONPATH")]))
    # In a thread: uvloop's processes inherit descriptors, the other end of their stderr included.
    spawned = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "migrations.supervisor", str(folder.path)],
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if spawned.returncode not in {0, BUSY}:
        raise EmbeddedFailed(f"the supervisor did not start: {spawned.stderr}")


async def _keep(folder: Folder) -> None:
    """Replace a supervisor that was killed: the connections are lost, the service is not."""
    wait_seconds = KEEP_SECONDS
    while True:
        await asyncio.sleep(wait_seconds)
        if is_supervised(folder):
            wait_seconds = KEEP_SECONDS
            continue
        log.warning("the embedded Postgres is gone, starting it", said=read_status(folder).message)
        wait_seconds = min(2 * wait_seconds, 30)
        try:
            await _spawn(folder)
        except (EmbeddedFailed, OSError) as error:
            log.warning("the embedded Postgres does not start", error=str(error))


async def _until_stopped(folder: Folder) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        if not is_supervised(folder) or has_users(folder) or time.monotonic() > deadline:
            return
        await asyncio.sleep(POLL_SECONDS)


@contextmanager
def _socket_folder(cluster: Path) -> Iterator[Path]:
    """Where clients find the socket: a short private path to the cluster if its own is too long."""
    # asyncpg takes a comma for the end of a host.
    if len(os.fsencode(cluster / SOCKET)) <= SOCKET_PATH_BYTES and "," not in str(cluster):
        yield cluster
        return
    with tempfile.TemporaryDirectory(prefix="plyr-", dir=_short_parent()) as short:
        link = Path(short) / "c"
        link.symlink_to(cluster)
        yield link


def _short_parent() -> str:
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        if parent and len(os.fsencode(parent)) < 60 and os.access(parent, os.W_OK | os.X_OK):
            return parent
    return "/tmp"  # noqa: S108 - the folder made in it is private


def _owner_name(path: Path) -> str:
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    return _user_name(existing.stat().st_uid)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
