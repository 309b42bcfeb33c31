"""A private copy of the project in which a bug can be planted."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
PARTS = ("appview", "indexer", "lexicons", "migrations", "xrpc", "tests", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Copy:
    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Copy":
        for part in PARTS:
            if (ROOT / part).is_dir():
                nothing_made = shutil.ignore_patterns("__pycache__", "node_modules")
                shutil.copytree(ROOT / part, folder / part, ignore=nothing_made)
            else:
                shutil.copy(ROOT / part, folder / part)
        return cls(folder)

    def environment(self) -> dict[str, str]:
        """In which this copy is what gets imported, by programs that tests start as well."""
        left_out = {"PYTHONPYCACHEPREFIX"}
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        shared = {"PLYR_SHARED": str(ROOT.parent / "shared")}
        return shared | kept | {"PYTHONPATH": str(self.folder)}

    def is_what_gets_imported(self) -> bool:
        found = subprocess.run(
            [sys.executable, "-c", "import appview; print(appview.__file__)"],
            cwd="/",
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return Path(found.stdout.strip()).is_relative_to(self.folder)

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        file = self.folder / mutant.file
        source = file.read_text()
        _write(file, mutant.planted(source))
        try:
            yield
        finally:
            _write(file, source)


def _write(file: Path, text: str) -> None:
    """The bytecode beside it could pass for that of the new text: same second, same length."""
    file.write_text(text)
    if file.suffix == ".py":
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
