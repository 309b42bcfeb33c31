"""Servers and databases that tests and benchmarks make and throw away."""

import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest

from migrations import embedded

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 3 << 30


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def new_database(server_url: str, template: str) -> AsyncIterator[str]:
    name = f"plyr_test_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server_url)
    try:
        # Files copied are a few calls, where the default takes every page through the WAL.
        await admin.execute(f"create database {name} template {template} strategy file_copy")
        try:
            yield with_database(server_url, name)
        finally:
            await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@asynccontextmanager
async def fast_server(folder: Path) -> AsyncIterator[str]:
    """A Postgres of our own that need not survive a power cut."""
    async with embedded.running(folder) as url:
        admin = await asyncpg.connect(url)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await admin.execute(f"alter system set {setting} = off")
        await admin.execute("alter system set max_wal_size = '256MB'")
        await admin.execute("select pg_reload_conf()")
        await admin.close()
        yield url


@contextmanager
def server_folder(on_disk: Path) -> Iterator[Path]:
    """In memory where there is plenty: each database is a thousand files to make and to delete."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        yield on_disk
        return
    with tempfile.TemporaryDirectory(prefix="plyr-test-", dir=MEMORY) as folder:
        yield Path(folder)


def refuse_other_machines(url: str, environ: Mapping[str, str]) -> str:
    """Tests create and drop databases: never on a server that somebody else may use."""
    parts = urlsplit(url)
    places = parts.netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{place}").hostname for place in places if place]
    hosts += [host for value in parse_qs(parts.query).get("host", []) for host in value.split(",")]
    for host in hosts or environ.get("PGHOST", "").split(","):
        if host and host not in LOCAL_HOSTS and not host.startswith("/"):
            pytest.exit(
                f"PLYR_TEST_DATABASE_URL names {host}, which is not this machine. Tests create and "
                "drop databases: give a server on localhost or a socket folder, or unset it to "
                "use an embedded Postgres.",
                returncode=4,
            )
    return url
