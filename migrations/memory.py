"""How much memory there is for us: the machine's, or what control groups leave of it."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def memory_bytes(root: Path = Path("/"), physical: int | None = None) -> int:
    """The narrowest bound of all. `root` is where /proc and /sys are."""
    bounds = [_physical() if physical is None else physical]
    for file in _limits(root):
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():  # not "max"
            bounds.append(int(text))
    return min(bounds)


def _physical() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _limits(root: Path) -> Iterator[Path]:
    """Of our group and all above it. A container sees its own as the topmost one."""
    mounts = root / "sys/fs/cgroup"
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, name = mounts, "memory.max"
        elif "memory" in controllers.split(","):
            mount, name = mounts / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = PurePosixPath(path)
        for each in (group, *group.parents):
            yield mount / each.relative_to("/") / name
