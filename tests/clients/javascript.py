"""What comes from npm: Node, and a folder in which our files find the packages."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.processes import run
from tests.reference.install import Installation

SOURCES = Path(__file__).parent
LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder of its own; `installation` has what it imports."""

    node: Path
    folder: Path

    async def run(self, script: str | Path, *arguments: str) -> tuple[int, str]:
        command = (str(self.node), "--preserve-symlinks-main", str(script), *arguments)
        return await run(*command, folder=self.folder)

    def package(self, path: str) -> Path:
        return self.folder / "node_modules" / path


def workshop(installation: Installation, folder: Path, *files: Path) -> Workshop:
    folder.mkdir(exist_ok=True)
    (folder / "node_modules").symlink_to(installation.folder / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    for file in files:
        (folder / file.name).symlink_to(file)
    return Workshop(installation.node, folder)


@dataclass(frozen=True, slots=True)
class TheirValidator:
    process: asyncio.subprocess.Process
    lock: asyncio.Lock

    async def tell(self, **line: Any) -> str | None:
        """What is wrong, as they say it."""
        reader, writer = self.process.stdout, self.process.stdin
        assert reader is not None
        assert writer is not None
        async with self.lock:
            writer.write(json.dumps(line).encode() + b"\n")
            answer: Mapping[str, str] = json.loads(await reader.readline())
        return answer.get("error")


@asynccontextmanager
async def their_validator(
    shop: Workshop, documents: Iterable[Mapping[str, Any]]
) -> AsyncIterator[TheirValidator]:
    process = await asyncio.create_subprocess_exec(
        *(str(shop.node), "--preserve-symlinks-main", "lexicons.mjs"),
        cwd=shop.folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    validator = TheirValidator(process, asyncio.Lock())
    try:
        refused = await validator.tell(documents=[dict(document) for document in documents])
        assert refused is None, refused
        yield validator
    finally:
        process.terminate()
        await process.wait()
