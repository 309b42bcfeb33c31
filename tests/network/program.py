"""The live program as a subprocess: started, asked, killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.network.http import free_port
from tests.network.world import World
from tests.support import http_client, wait_until

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("plyr-appview")
START_SECONDS = 60
STOP_SECONDS = 15

# Rows that the program is at work on are left to it: no lock of ours may stand in its way.
HURRY = (
    """
    update repo set due_at = now() where did in (
        select did from repo where due_at > now() for update skip locked)
    """,
    """
    update account set identity_due_at = now() where did in (
        select did from account where identity_failures > 0 for update skip locked)
    """,
    """
    update account set status_due_at = now() where did in (
        select did from account where status_due_at > now() for update skip locked)
    """,
    "update media.missing_blob set due_at = now()",
)


class NotRunning(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Json
    headers: httpx.Headers

    @property
    def error(self) -> str | None:
        return self.body.get("error")


@dataclass(slots=True)
class Program:
    world: World
    database_url: str
    folder: Path
    command: str = "run"
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    _process: asyncio.subprocess.Process | None = None
    _client: httpx.AsyncClient | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / "program.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLYR_")}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PLYR_RELAY_URL": self.world.relay.url,
            "PLYR_DISCOVERY_URL": self.world.relay.http_url,
            "PLYR_PLC_URL": self.world.directory.url,
            "PLYR_HANDLE_RESOLVER_URL": self.world.directory.url,
            "PLYR_ALLOW_PRIVATE_ADDRESSES": "1",
            "PLYR_TRUSTED_MEDIA_HOSTS": "localhost:9",
            "PLYR_DATABASE_URL": self.database_url,
            "PLYR_DATA_DIR": str(self.folder / "data"),
            "PLYR_HOST": "127.0.0.1",
            "PLYR_PORT": str(self.port),
            "PLYR_PUBLIC_URL": self.url,
            "PLYR_RATE_LIMIT_REQUESTS": "0",
            "PLYR_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            **self.settings,
        }

    async def __aenter__(self) -> Self:
        """Not started by that; ended at the end of the block, unless it has been."""
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_running:
            await self.terminate()

    async def start(self, *, ready: bool = True) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(COMMAND),
                self.command,
                cwd=ROOT,
                env=self.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._client = http_client(self.url, timeout=10)
        if ready:
            await wait_until(self.is_ready, START_SECONDS)

    async def is_ready(self) -> bool:
        if not self.is_running:
            raise NotRunning(f"it ended with {self.returncode}:\n{self.log_tail()}")
        if self.command == "index":
            return bool(await self.scrape())
        try:
            answer = await self.get("/xrpc/_health")
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log_tail(self, lines: int = 60) -> str:
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    async def _ended(self, sent: signal.Signals) -> float:
        """Send the signal and wait; answers with the seconds that it took."""
        assert self._process is not None
        begun = time.monotonic()
        if self.is_running:
            self._process.send_signal(sent)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError(
                f"still there after {STOP_SECONDS} s:\n{self.log_tail()}"
            ) from None
        finally:
            if self._client:
                await self._client.aclose()
        return time.monotonic() - begun

    async def kill(self) -> None:
        await self._ended(signal.SIGKILL)

    async def terminate(self) -> float:
        return await self._ended(signal.SIGTERM)

    async def restart(self) -> None:
        """As after a crash."""
        await self.kill()
        await self.start()

    async def command_line(self, *words: str) -> str:
        """Another command of the program, beside the one that runs; answers with what it says."""
        process = await asyncio.create_subprocess_exec(
            str(COMMAND),
            *words,
            cwd=ROOT,
            env=self.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> httpx.Response:
        if self._client is None:
            raise NotRunning("never started")
        return await self._client.get(path, params=list(params))

    async def query(self, method: str, **params: object) -> Answer:
        """`method` without its fm.plyr; a list repeats the parameter."""
        pairs = [
            (name, str(one))
            for name, value in params.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        response = await self.get(f"/xrpc/fm.plyr.{method}", pairs)
        return Answer(response.status_code, response.json(), response.headers)

    async def pages(self, method: str, key: str, *, limit: int = 3, **params: object) -> list[Json]:
        """Every item of a paged query, three at a time, so that cursors are used."""
        found: list[Json] = []
        cursor: Json = {}
        for _ in range(200):
            answer = await self.query(method, limit=limit, **params, **cursor)
            assert answer.status == 200, (method, params, answer.body)
            found += answer.body[key]
            if "cursor" not in answer.body:
                return found
            cursor = {"cursor": answer.body["cursor"]}
        raise AssertionError(f"{method} never ends")

    async def status(self) -> Json:
        return (await self.query("sync.getStatus")).body

    async def scrape(self) -> str:
        try:
            async with http_client(timeout=5) as client:
                answer = await client.get(f"http://127.0.0.1:{self.metrics_port}/metrics")
        except httpx.TransportError:
            return ""
        return answer.text

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that carry those labels."""
        families = text_string_to_metric_families(await self.scrape())
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def hurry(self) -> None:
        """Bring forward what waits for its next attempt: back-offs are longer than tests."""
        for statement in HURRY:
            await self.rows(statement)

    def peak_megabytes(self) -> float:
        """The most memory that the process ever had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    async def cursor(self) -> int:
        rows = await self.rows(
            "select coalesce(max(seq), 0) as seq from relay_cursor where host like $1",
            f"%{self.world.relay.port}%",
        )
        return int(rows[0]["seq"])

    async def reaches(self, seq: int, timeout_seconds: float = 30) -> None:
        """Wait until nothing up to `seq` could be lost by a crash."""

        async def reached() -> bool:
            return await self.cursor() >= seq

        try:
            await wait_until(reached, timeout_seconds)
        except AssertionError:
            raise AssertionError(
                f"the cursor stays at {await self.cursor()}, not at {seq}\n{self.log_tail()}"
            ) from None
