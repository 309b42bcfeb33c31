"""Postgres refuses to run as root: as whom it runs then.

Nothing outside the folder is ever given away or opened up. A folder below a closed one (/root)
is entered before privileges are dropped.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from migrations.errors import EmbeddedFailed
from migrations.folder import Folder

# Reserved by Debian, outside of what systemd gives to dynamic users, mapped in most containers.
SPARE_UIDS = range(65520, 65532)


@dataclass(frozen=True, slots=True)
class Owner:
    uid: int
    gid: int


def owner_of(folder: Folder) -> Owner:
    """Ourselves; for root the user who already owns the folder, else one whom nobody else is."""
    if os.geteuid():
        return Owner(os.geteuid(), os.getegid())
    stat = folder.path.stat()
    if stat.st_uid:
        return Owner(stat.st_uid, stat.st_gid)
    uid = next(uid for uid in SPARE_UIDS if not _is_named(uid))
    return Owner(uid, uid)


def named_owner(owner: Owner) -> Owner:
    """Someone for initdb to run as: unlike the server, it wants a user with a name."""
    if os.geteuid() or _is_named(owner.uid):
        return owner
    entries = sorted(pwd.getpwall(), key=lambda entry: entry.pw_name != "nobody")
    entry = next((entry for entry in entries if entry.pw_uid), None)
    if entry is None:
        raise EmbeddedFailed(
            "/etc/passwd has no user but root, and Postgres refuses to run as root"
        )
    return Owner(entry.pw_uid, entry.pw_gid)


def claim(folder: Folder, owner: Owner) -> None:
    """Give the folder and what lies directly in it to the owner, where root still has it."""
    if os.geteuid():
        return
    try:
        _try_to_become(owner)
        for path in (folder.path, *folder.path.iterdir()):
            if path.lstat().st_uid == 0:
                os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    except OSError as error:
        raise EmbeddedFailed(
            f"Postgres refuses to run as root, and this machine does not let root hand it over "
            f"to user {owner.uid} ({error}). Run plyr-appview as an ordinary user who owns the "
            "data folder, or set PLYR_DATABASE_URL."
        ) from error


def give(tree: Path, owner: Owner) -> None:
    if os.geteuid():
        return
    for path in (*tree.rglob("*"), tree):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def become(owner: Owner) -> None:
    """For good: this process keeps nothing of root."""
    if os.geteuid():
        return
    os.setgroups([])
    os.setgid(owner.gid)
    os.setuid(owner.uid)


def _try_to_become(owner: Owner) -> None:
    child = os.fork()
    if child == 0:
        try:
            become(owner)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    failure = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if failure:
        raise OSError(failure, os.strerror(failure))


def run(
    command: list[str], owner: Owner, *, cwd: Path, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run to its end as the owner; stdout holds stderr too."""
    root = os.geteuid() == 0
    return subprocess.run(  # noqa: S603
        command,
        check=False,
        cwd=cwd,
        env=environment(),
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        user=owner.uid if root else None,
        group=owner.gid if root else None,
        extra_groups=[] if root else None,
    )


def environment() -> dict[str, str]:
    """Without the caller's locale, which may not be installed, and without PG* settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _is_named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
