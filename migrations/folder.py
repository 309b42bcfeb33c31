"""The folder that the embedded Postgres, its supervisor and its users share.

Who is alive is told by two locks, which the kernel releases at any kind of death: every user
shares users.lock, the supervisor holds supervisor.lock.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

BUSY = 3
"""Exit status of a supervisor that finds another one at work."""


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        return self.path / "postgres.log"

    @property
    def users(self) -> Path:
        return self.path / "users.lock"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor.lock"

    @property
    def status(self) -> Path:
        return self.path / "status.json"


@dataclass(frozen=True, slots=True)
class Status:
    """What the supervisor last said; believe it only while supervisor.lock is held."""

    state: str
    message: str
    pid: int


NO_STATUS = Status("unknown", "its supervisor has said nothing yet", 0)


def open_file(path: Path, flags: int = 0) -> int:
    # Root opens files in a folder that an unprivileged user owns: never through a symlink.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)


def try_lock(descriptor: int, *, exclusive: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_supervised(folder: Folder) -> bool:
    descriptor = open_file(folder.supervisor)
    try:
        return not try_lock(descriptor, exclusive=False)
    finally:
        os.close(descriptor)


def has_users(folder: Folder) -> bool:
    """False also while a supervisor that nobody uses any more is stopping."""
    descriptor = open_file(folder.users)
    try:
        if try_lock(descriptor, exclusive=True):
            return False
        return try_lock(descriptor, exclusive=False)
    finally:
        os.close(descriptor)


def write_status(folder: Folder, state: str, message: str) -> None:
    new = folder.status.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = open_file(new)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"state": state, "message": message, "pid": os.getpid()}, file)
    new.replace(folder.status)


def read_status(folder: Folder) -> Status:
    try:
        said = json.loads(folder.status.read_bytes())
        return Status(str(said["state"]), str(said["message"]), int(said["pid"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return NO_STATUS
