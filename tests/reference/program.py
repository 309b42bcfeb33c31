"""plyr-appview as people run it: a process of its own, asked over XRPC."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from tests.network.http import free_port
from tests.reference.network import Network, Refused
from tests.support import http_client, wait_until

ROOT = Path(__file__).parents[2]
EXECUTABLE = Path(sys.executable).with_name("plyr-appview")
START_SECONDS = 180  # a killed Postgres recovers, beside whatever else this machine does
STOP_SECONDS = 60
STATUS_SECONDS = 60
IDLE_SECONDS = 2.0  # less than the server's: who lets go of a connection first is not surprised


def settings(network: Network, folder: Path, port: int) -> dict[str, str]:
    pds = f"127.0.0.1:{network.pds_port}"
    return {
        "PLYR_RELAY_URL": f"ws://{pds}",
        "PLYR_PLC_URL": network.plc,
        "PLYR_HANDLE_RESOLVER_URL": f"http://{pds}",
        "PLYR_ALLOW_PRIVATE_ADDRESSES": "1",
        "PLYR_TRUSTED_MEDIA_HOSTS": "localhost:9",
        "PLYR_DATA_DIR": str(folder),
        "PLYR_PORT": str(port),
        "PLYR_PUBLIC_URL": f"http://localhost:{port}",
        "PLYR_RATE_LIMIT_REQUESTS": "0",
        "PLYR_METRICS_LISTEN": f"127.0.0.1:{free_port()}",
    }


@dataclass(slots=True)
class Program:
    environment: Mapping[str, str]
    log: Path
    client: httpx.AsyncClient
    process: asyncio.subprocess.Process | None = None

    @classmethod
    def beside(cls, network: Network, folder: Path) -> Self:
        """Not started yet; everything it keeps is in the folder."""
        port = free_port()
        client = http_client(
            f"http://127.0.0.1:{port}",
            timeout=30,
            limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS),
        )
        return cls(settings(network, folder / "data", port), folder / "program.log", client)

    @property
    def url(self) -> str:
        return self.environment["PLYR_PUBLIC_URL"]

    @property
    def did(self) -> str:
        return f"did:web:{quote(self.url.removeprefix('http://'), safe='')}"

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                str(EXECUTABLE),
                "run",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.log.parent,
                env=self._environment(),
            )
        try:
            await wait_until(self._answers, START_SECONDS)
        except AssertionError as error:
            error.add_note(self.log_tail())
            raise

    async def stop(self) -> None:
        """As a person would, by asking."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await self.process.wait()

    async def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def close(self) -> None:
        await self.stop()
        await self.client.aclose()

    async def get(self, method: str, **params: Any) -> Any:
        response = await self.client.get(f"/xrpc/{method}", params=params)
        if response.is_error:
            error = response.json()
            raise Refused(response.status_code, error["error"], error.get("message", ""))
        return response.json()

    async def pages(self, method: str, key: str, **params: object) -> list[Any]:
        """All of it, in pages so small that there are several."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.get(method, limit=7, **params, **cursor)
            found += answer[key]
            if "cursor" not in answer:
                return found
            cursor = {"cursor": answer["cursor"]}

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-20_000:]

    def status(self) -> str:
        """How far it is, in its own words; waits, so not for within a test."""
        try:
            said = subprocess.run(
                [str(EXECUTABLE), "status"],
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=STATUS_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return str(error)
        return said.stdout + said.stderr

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLYR_")}
        return kept | dict(self.environment)

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, f"it ended with {self.process.returncode}"
        try:
            response = await self.client.get("/xrpc/_health")
        except httpx.TransportError:
            return False
        return response.status_code == 200
