"""Proven blobs on disk, by their CID, and what was made of them: the least recently used go first.

Several processes share a folder. What is in it, and how much, stands in an SQLite file beside the
blobs. A blob that is still coming is a `.part`, locked by the process that fills it, and room is
set aside for it before its first byte. All but `find` and `check_size` block: call them off the
event loop.
"""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

BUSY_SECONDS = 30.0
# A use is noted at most this often: reading is no reason to write.
USE_SECONDS = 60.0
# What is behind it in the name of a `.part` keeps those apart that will be the same blob.
OF = "@"

SCHEMA = """
create table if not exists kept (
    name     text primary key,
    bytes    integer not null,
    whole    integer not null,
    size     integer,
    used_at  real not null
);
create index if not exists kept_by_use on kept (used_at) where whole;
create index if not exists kept_size on kept (bytes);
"""

OLDEST = "select name, bytes from kept where whole order by used_at limit 1"


class NoRoom(Exception):
    """The cache is full of what is still coming, the blob too large for it, or the disk full."""


@dataclass(frozen=True, slots=True)
class Look:
    """`size` is what the whole will have, as far as the source said."""

    received: int
    size: int | None
    is_over: bool
    is_kept: bool = False


class Disk:
    def __init__(self, folder: Path, max_bytes: int, min_free_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._lock = Lock()

    def open(self) -> None:
        """Make the folder; forget what a process that died left behind."""
        for name in ("blobs", "parts"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        path = self._folder / "index.sqlite3"
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(SCHEMA)
        for part in (self._folder / "parts").iterdir():
            with suppress(BlockingIOError):
                self.end(part.stem, self._begun(part.stem))
        self._reconcile()

    def close(self) -> None:
        self._connection.close()

    def held(self) -> float:
        """In bytes, with what is set aside."""
        with self._index() as index:
            (held,) = index.execute("select total(bytes) from kept").fetchone()
        return float(held)

    # reading ----------------------------------------------------------------------------------

    def find(self, name: str) -> BinaryIO | None:
        """The blob, open for reading: to its end, though it be forgotten meanwhile."""
        try:
            return self._blob(name).open("rb", buffering=0)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Of all that is whole."""
        with self._index() as index:
            return [name for (name,) in index.execute("select name from kept where whole")]

    @staticmethod
    def is_use_noted(used_at: float) -> bool:
        return time.time() - used_at < USE_SECONDS

    def use(self, name: str, file: BinaryIO) -> None:
        seconds = time.time()
        with suppress(OSError, NoRoom), self._index() as index:
            os.utime(file.fileno(), (seconds, seconds))
            index.execute("update kept set used_at = ? where name = ?", (seconds, name))

    def part(self, name: str) -> BinaryIO | None:
        """What has come so far of a blob that some process is filling."""
        try:
            return self._part(name).open("rb", buffering=0)
        except FileNotFoundError:
            return None

    def look(self, name: str, part: BinaryIO) -> "Look":
        """How another process gets on with its `.part`."""
        try:
            fcntl.flock(part, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with self._index() as index:
                row = index.execute("select size from kept where name = ?", (name,)).fetchone()
            return Look(os.fstat(part.fileno()).st_size, row and row[0], is_over=False)
        try:
            is_kept = self._is_still(part, self._blob(name))
        finally:
            fcntl.flock(part, fcntl.LOCK_UN)
        size = os.fstat(part.fileno()).st_size if is_kept else None
        return Look(size or 0, size, is_over=True, is_kept=is_kept)

    # filling ----------------------------------------------------------------------------------

    def begin(self, name: str) -> BinaryIO:
        """An empty `.part` to write to and read from, for as long as it is open.

        BlockingIOError: another process, or another task of this one, is at it.
        """
        self._check_free(0)
        return self._begun(name)

    def _begun(self, name: str) -> BinaryIO:
        file = self._part(name).open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise
        if not self._is_still(file, self._part(name)):
            file.close()
            raise BlockingIOError(f"{name} has just been filled")
        file.truncate(0)
        return file

    def end(self, name: str, part: BinaryIO) -> None:
        """Forget the `.part`, unless it was kept."""
        with part:
            if self._is_still(part, self._part(name)):
                self._part(name).unlink()
                with self._index() as index:
                    index.execute("delete from kept where name = ? and not whole", (name,))

    def check_size(self, size: int | None) -> None:
        """Raise NoRoom for what can never be kept. Does not block."""
        if (size or 0) > self._max_bytes:
            raise NoRoom(f"it has {size} bytes, more than the cache may hold")

    def reserve(self, name: str, room: int, size: int | None) -> None:
        """Set room aside for a `.part`, or more of it; others go for it."""
        self._check_free(room)
        self.check_size(size or room)
        with self._index() as index:
            index.execute("begin immediate")
            self._insert(index, name, room, size, whole=False)
            going = list(self._least_used(index))
        for gone in going:
            self._blob(gone).unlink(missing_ok=True)

    def keep(self, name: str, file: BinaryIO) -> None:
        """The `.part` is whole and proven. It is on the disk before it has its name."""
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
        target = self._blob(name)
        target.parent.mkdir(exist_ok=True)
        with self._index() as index:
            index.execute("delete from kept where name = ?", (name,))
            self._insert(index, target.name, size, size, whole=True)
            self._part(name).rename(target)

    def put(self, name: str, data: bytes) -> None:
        """Keep what is whole already, unless it is there or another is at it."""
        if self._blob(name).exists():
            return
        try:
            part = self.begin(name)
        except BlockingIOError:
            return
        try:
            self.reserve(name, len(data), len(data))
            view = memoryview(data)
            while view:
                view = view[part.write(view) :]
            self.keep(name, part)
        finally:
            self.end(name, part)

    # inside -----------------------------------------------------------------------------------

    def _check_free(self, room: int) -> None:
        if shutil.disk_usage(self._folder).free - room < self._min_free_bytes:
            raise NoRoom(f"the disk has less than {self._min_free_bytes} bytes left")

    def _blob(self, name: str) -> Path:
        whole = name.partition(OF)[0]
        return self._folder / "blobs" / whole[-2:] / whole

    def _part(self, name: str) -> Path:
        return self._folder / "parts" / f"{name}.part"

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """One connection for all threads: the last one that closes would write all to the disk."""
        try:
            with self._lock, self._connection:
                yield self._connection
        except sqlite3.OperationalError as error:
            raise NoRoom(f"the index cannot be written: {error}") from error

    @staticmethod
    def _insert(
        index: sqlite3.Connection, name: str, room: int, size: int | None, *, whole: bool
    ) -> None:
        index.execute(
            """
            insert or replace into kept (name, bytes, size, whole, used_at) values (?, ?, ?, ?, ?)
            """,
            (name, room, size, whole, time.time()),
        )

    def _least_used(self, index: sqlite3.Connection) -> Iterator[str]:
        (held,) = index.execute("select total(bytes) from kept").fetchone()
        excess = held - self._max_bytes
        while excess > 0:
            oldest = index.execute(OLDEST).fetchone()
            if oldest is None:
                raise NoRoom(f"{excess:.0f} bytes more than the cache may hold")
            name, size = oldest
            index.execute("delete from kept where name = ?", (name,))
            excess -= size
            yield name

    @staticmethod
    def _is_still(file: BinaryIO, path: Path) -> bool:
        """Between opening and locking, the one before may have given the file its final name."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            return False

    def _reconcile(self) -> None:
        """After a crash between a file and its line: the files are right."""
        with self._index() as index:
            index.execute("begin immediate")
            blobs = {}
            for folder in (self._folder / "blobs").iterdir():
                for entry in os.scandir(folder):
                    with suppress(FileNotFoundError):  # another process needs its room
                        blobs[entry.name] = entry.stat()
            parts = {path.stem for path in (self._folder / "parts").iterdir()}
            for name, whole in index.execute("select name, whole from kept").fetchall():
                if name not in (blobs if whole else parts):
                    index.execute("delete from kept where name = ?", (name,))
            index.executemany(
                """
                insert into kept (name, bytes, whole, used_at) values (?, ?, 1, ?)
                on conflict do nothing
                """,
                [(name, blob.st_size, blob.st_mtime) for name, blob in blobs.items()],
            )
