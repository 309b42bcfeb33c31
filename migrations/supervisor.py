"""Keeps the embedded Postgres running for as long as somebody uses it.

`python -m migrations.supervisor FOLDER` detaches itself and returns. It imports the standard
library only: it is small, and having dropped root's privileges it may not reach the others.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from migrations import binaries, cluster, unprivileged
from migrations.errors import EmbeddedFailed
from migrations.folder import BUSY, Folder, open_file, try_lock, write_status

POLL_SECONDS = 0.1
TERMINATION_SECONDS = 20
"""How long after SIGTERM, which a shutdown sends to everybody at once, users may finish."""
STARTS = 5
"""In quick succession, before it gives up."""
LOG_BYTES = 16 * 1024 * 1024

log = logging.getLogger("supervisor")


@dataclass(slots=True)
class Termination:
    """Set by signals."""

    deadline: float = field(default=float("inf"))

    def request(self, number: int, _frame: FrameType | None) -> None:
        patience = TERMINATION_SECONDS if number == signal.SIGTERM else 0
        self.deadline = min(self.deadline, time.monotonic() + patience)

    @property
    def is_requested(self) -> bool:
        return self.deadline < float("inf")

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self.deadline


@dataclass(frozen=True, slots=True)
class Supervisor:
    folder: Folder
    binaries: binaries.Binaries
    users: int
    log: int
    termination: Termination

    def run(self) -> None:
        failures = 0
        while True:
            cluster.clear_strays(self.folder)
            logged = os.fstat(self.log).st_size
            server = cluster.start(self.folder, self.binaries, self.log)
            started = time.monotonic()
            write_status(self.folder, "running", "Postgres was started")
            while server.poll() is None:
                if self._is_over():
                    self._stop(server)
                    return
                time.sleep(POLL_SECONDS)
            if self.termination.is_requested:  # Postgres may have had the same signal
                return
            failures = failures + 1 if time.monotonic() - started < 10 else 1
            why = f"Postgres stopped ({server.returncode}): {self._last_words(logged)}"
            log.warning(why)
            if failures == STARTS:
                raise EmbeddedFailed(why)
            write_status(self.folder, "restarting", why)
            if self._is_over():
                return
            time.sleep(POLL_SECONDS * 2**failures)

    def _is_over(self) -> bool:
        if os.fstat(self.log).st_size > LOG_BYTES:
            os.ftruncate(self.log, 0)
        return self.termination.is_due or try_lock(self.users, exclusive=True)

    def _stop(self, server: subprocess.Popen[bytes]) -> None:
        write_status(self.folder, "stopping", "nobody uses it")
        for strength, patience_seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):
            server.send_signal(strength)
            try:
                server.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                continue
            return
        server.kill()
        server.wait()

    def _last_words(self, since: int) -> str:
        size = os.fstat(self.log).st_size
        end = os.pread(self.log, 4096, max(since, size - 4096)).decode(errors="replace")
        return "; ".join(line.partition("] ")[2] or line for line in end.splitlines()[-4:])


def prepare(folder: Folder, termination: Termination, descriptor: int) -> Supervisor:
    """Everything that needs root, should we be root; afterwards we are the folder's owner."""
    owner = unprivileged.owner_of(folder)
    users = open_file(folder.users)
    unprivileged.claim(folder, owner)
    programs = binaries.find_binaries(folder, owner)
    cluster.prepare(folder, programs, owner)
    unprivileged.claim(folder, owner)  # what was made meanwhile
    unprivileged.become(owner)
    return Supervisor(folder, programs, users, descriptor, termination)


def supervise(folder: Folder, descriptor: int) -> None:
    termination = Termination()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, termination.request)
    write_status(folder, "starting", "the files of Postgres are being prepared")
    try:
        supervisor = prepare(folder, termination, descriptor)
        supervisor.run()
        write_status(folder, "stopped", "nobody used it")
    except EmbeddedFailed as error:
        log.error("%s", error)  # noqa: TRY400 - the message is meant for the operator
        write_status(folder, "failed", str(error))
    except BaseException as error:
        write_status(folder, "failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        binaries.remove_copy(folder, unprivileged.owner_of(folder))


def main(arguments: list[str]) -> int:
    os.closerange(3, 65536)
    # Relative from here on: as somebody else we may not be able to come back.
    os.chdir(arguments[0])
    folder = Folder(Path())
    lock = open_file(folder.supervisor)
    if not try_lock(lock, exclusive=True):
        return BUSY
    folder.status.unlink(missing_ok=True)  # the words of another, who may have been killed
    if os.fork():
        return 0
    descriptor = open_file(folder.log, os.O_APPEND)
    for standard in (sys.stdout, sys.stderr):
        os.dup2(descriptor, standard.fileno())
    logging.basicConfig(format="%(asctime)s supervisor: %(message)s", level=logging.INFO)
    supervise(folder, descriptor)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
