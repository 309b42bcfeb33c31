"""The embedded Postgres, when those who use or keep it die."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from migrations import embedded
from migrations.binaries import find_binaries
from migrations.cluster import data_argument, strays
from migrations.errors import EmbeddedFailed
from migrations.folder import (
    Folder,
    is_supervised,
    open_file,
    read_status,
    try_lock,
    write_status,
)
from migrations.unprivileged import Owner, owner_of
from tests.migrations.processes import (
    POSTMASTER,
    another_process,
    answers,
    ask,
    is_stopped,
    postmaster,
)
from tests.support import wait_until


async def test_two_processes_share_one_server(folder: Folder) -> None:
    async with embedded.running(folder.path) as url, another_process(folder) as other:
        await other.says()
        assert await other.asks(POSTMASTER) == await ask(url, POSTMASTER)
        await other.leaves()
        assert await ask(url, "select 1") == 1


async def test_it_outlives_the_process_that_started_it(folder: Folder) -> None:
    async with another_process(folder) as first, another_process(folder) as second:
        await first.says()
        await second.says()
        started = await second.asks(POSTMASTER)
        await first.dies()
        assert await second.asks(POSTMASTER) == started


async def test_it_stops_when_its_only_user_is_killed(folder: Folder) -> None:
    async with another_process(folder) as user:
        await user.says()
        await user.dies()
        await is_stopped(folder)


async def test_a_killed_supervisor_is_replaced_while_somebody_uses_it(folder: Folder) -> None:
    async with embedded.running(folder.path) as url:
        await ask(url, "create table kept as select 7 as value")
        started = await ask(url, POSTMASTER)
        os.kill(read_status(folder).pid, signal.SIGKILL)
        await wait_until(lambda: not is_supervised(folder))
        await wait_until(lambda: another_answers(url, started), timeout_seconds=30)
        assert await ask(url, "select value from kept") == 7


async def test_a_killed_supervisor_is_no_obstacle_to_the_next_start(folder: Folder) -> None:
    async with another_process(folder) as user:
        await user.says()
        await user.asks("create table kept as select 7 as value")
        os.kill(read_status(folder).pid, signal.SIGKILL)
        await user.dies()
    async with embedded.running(folder.path) as url:
        assert await ask(url, "select value from kept") == 7


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its parent died")
async def test_postgres_does_not_survive_its_supervisor(folder: Folder) -> None:
    async with another_process(folder) as user:
        await user.says()
        os.kill(read_status(folder).pid, signal.SIGKILL)
        await user.dies()
    await wait_until(lambda: strays(folder.cluster) == [])


@pytest.fixture
def left_behind(folder: Folder) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose supervisor is gone, as it can be where the kernel does not stop it."""
    owner = owner_of(folder)
    programs = find_binaries(folder, owner)
    command = [programs.program("postgres"), "-D", data_argument(folder.cluster)]
    options = ["-c", "listen_addresses=", "-c", "unix_socket_directories=."]
    with subprocess.Popen([*command, *options], cwd=folder.cluster, **as_user(owner)) as server:
        try:
            yield server
        finally:
            # Not killed: its children would outlive it for a moment.
            server.send_signal(signal.SIGQUIT)
            server.wait()


async def test_a_server_left_behind_is_stopped_before_another_starts(
    folder: Folder, left_behind: subprocess.Popen[bytes]
) -> None:
    await wait_until(lambda: accepts_connections(folder))
    async with embedded.running(folder.path) as url:
        assert left_behind.poll() is not None
        assert await ask(url, "select 1") == 1


async def test_a_server_left_behind_is_given_to_nobody_while_the_next_is_being_prepared(
    folder: Folder, left_behind: subprocess.Popen[bytes]
) -> None:
    await wait_until(lambda: accepts_connections(folder))
    supervisor, another_user = open_file(folder.supervisor), open_file(folder.users)
    assert try_lock(supervisor, exclusive=True)
    assert try_lock(another_user, exclusive=False)  # else the one below waits for the stop
    write_status(folder, "starting", "the files of Postgres are being prepared")
    with pytest.raises(EmbeddedFailed, match="are being prepared"):
        async with embedded.running(folder.path, start_timeout_seconds=0.5):
            pass
    os.close(another_user)
    os.close(supervisor)
    assert left_behind.poll() is None


async def test_a_killed_postmaster_is_replaced_and_nothing_is_lost(folder: Folder) -> None:
    async with embedded.running(folder.path) as url:
        await ask(url, "create table kept as select 7 as value")
        started, killed = await ask(url, POSTMASTER), postmaster(folder)
        os.kill(killed, signal.SIGKILL)
        await wait_until(lambda: another_answers(url, started), timeout_seconds=30)
        assert postmaster(folder) != killed
        assert await ask(url, "select value from kept") == 7


async def test_everything_killed_at_once_is_no_obstacle(folder: Folder) -> None:
    async with another_process(folder) as user:
        await user.says()
        await user.asks("create table kept as select 7 as value")
        for pid in (read_status(folder).pid, postmaster(folder)):
            os.kill(pid, signal.SIGKILL)
        await user.dies()
    async with embedded.running(folder.path) as url:
        assert await ask(url, "select value from kept") == 7


async def another_answers(url: str, started: object) -> bool:
    """A server that was started since: the one before may have a last word."""
    return await answers(url, f"select 1 / (({POSTMASTER}) <> '{started}')::integer")


def accepts_connections(folder: Folder) -> bool:
    recorded = folder.cluster / "postmaster.pid"
    return recorded.exists() and "ready" in recorded.read_text()


def as_user(owner: Owner) -> dict[str, Any]:
    return {"user": owner.uid, "group": owner.gid} if os.geteuid() == 0 else {}


@pytest.fixture
def bystander(folder: Folder) -> Iterator[int]:
    """A live process of the user as whom Postgres runs, which is not Postgres."""
    owner = owner_of(folder)
    with subprocess.Popen(["/bin/sleep", "600"], cwd="/", **as_user(owner)) as process:
        try:
            yield process.pid
            assert process.poll() is None
        finally:
            process.kill()


async def test_a_stale_pid_that_is_now_somebody_elses_is_ignored(
    folder: Folder, bystander: int
) -> None:
    async with embedded.running(folder.path) as url:
        await ask(url, "select 1")
        lines = (folder.cluster / "postmaster.pid").read_text().splitlines()
    (folder.cluster / "postmaster.pid").write_text("\n".join([str(bystander), *lines[1:]]) + "\n")
    socket_lock = folder.cluster / f"{embedded.SOCKET}.lock"
    socket_lock.write_text("\n".join([str(bystander), *lines[1:5]]) + "\n")
    async with embedded.running(folder.path, start_timeout_seconds=60) as url:
        assert await ask(url, "select 1") == 1


async def test_eight_cold_starts_at_once_end_in_one_server(new_folder: Folder) -> None:
    async def start() -> str:
        async with another_process(new_folder) as user:
            await user.says()
            seen = await user.asks(POSTMASTER)
            await everybody.wait()
            return seen

    everybody = asyncio.Barrier(8)
    assert len(set(await asyncio.gather(*(start() for _ in range(8))))) == 1


async def test_an_interrupted_creation_is_begun_anew(new_folder: Folder) -> None:
    (new_folder.path / "cluster.new-x" / "base").mkdir(parents=True)
    async with embedded.running(new_folder.path) as url:
        assert await ask(url, "select 1") == 1
    assert not (new_folder.path / "cluster.new-x").exists()


async def test_a_terminated_supervisor_lets_its_users_finish(folder: Folder) -> None:
    async with embedded.running(folder.path) as url:
        os.kill(read_status(folder).pid, signal.SIGTERM)
        assert await ask(url, "select 1 from pg_sleep(0.5)") == 1
        assert is_supervised(folder)
    assert not is_supervised(folder)


async def test_a_shutdown_that_terminates_everybody_restarts_nothing(folder: Folder) -> None:
    users = open_file(folder.users)
    assert try_lock(users, exclusive=False)
    await embedded._spawn(folder)  # a user of ours would start it again within a second
    await wait_until(lambda: accepts_connections(folder), timeout_seconds=30)
    os.kill(read_status(folder).pid, signal.SIGTERM)
    os.kill(postmaster(folder), signal.SIGTERM)
    await wait_until(lambda: not is_supervised(folder))
    assert read_status(folder).state == "stopped"
    os.close(users)
