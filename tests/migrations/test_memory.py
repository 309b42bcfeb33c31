"""How much memory Postgres may reckon with, on machines and in containers."""

from pathlib import Path

import pytest

from migrations.cluster import settings
from migrations.memory import memory_bytes

GIB = 1 << 30


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8 * GIB),
        ({"proc/self/cgroup": "0::/\n"}, 8 * GIB),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 8 * GIB),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}, 2 * GIB),
        (
            {
                "proc/self/cgroup": "0::/plyr.slice/index.service\n",
                "sys/fs/cgroup/plyr.slice/index.service/memory.max": f"{3 * GIB}\n",
                "sys/fs/cgroup/plyr.slice/memory.max": f"{GIB}\n",
            },
            GIB,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/a\n3:memory:/a\n0::/\n",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{4 * GIB}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            4 * GIB,
        ),
    ],
    ids=["no groups", "no bound", "max", "container", "group above", "version 1"],
)
def test_the_narrowest_bound_counts(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert memory_bytes(written(tmp_path, files), 8 * GIB) == expected


def test_of_this_machine_something_is_known() -> None:
    assert memory_bytes() > 1 << 26


@pytest.mark.parametrize(
    ("memory", "shared", "cache"),
    [(GIB // 2, 128, 256), (4 * GIB, 512, 2048), (64 * GIB, 1024, 32768)],
)
def test_postgres_shares_an_eighth_of_it_within_bounds(
    memory: int, shared: int, cache: int
) -> None:
    lines = settings(memory).splitlines()
    assert f"shared_buffers = '{shared}MB'" in lines
    assert f"effective_cache_size = '{cache}MB'" in lines
