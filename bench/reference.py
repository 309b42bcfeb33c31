"""The reference PDS with accounts that brought their repos: a host that assembles its CARs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.repos import OnDisk, repos_of_people
from tests.reference.install import install
from tests.reference.network import reference_network

IMPORT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class ReferencePds:
    origin: str
    repos: Sequence[OnDisk]


@asynccontextmanager
async def reference_pds(folder: Path, people: int, median: int) -> AsyncIterator[ReferencePds]:
    """Raise Unsupported where it cannot be installed or run."""
    installation = install()
    await asyncio.to_thread(folder.mkdir)
    async with reference_network(installation, folder, folder) as network:
        async with httpx.AsyncClient(
            base_url=f"{network.pds}/xrpc/", timeout=IMPORT_SECONDS, trust_env=False
        ) as client:
            tokens = dict([await _join(client, number) for number in range(people)])
            repos = repos_of_people(folder, list(tokens), median)
            for repo in repos:
                await _bring(client, repo, tokens[repo.did])
        yield ReferencePds(network.pds, repos)


async def _join(client: httpx.AsyncClient, number: int) -> tuple[str, str]:
    """DID and token."""
    name = f"person{number}"
    account = {"handle": f"{name}.test", "email": f"{name}@mail.test", "password": "secret"}
    answer = await client.post("com.atproto.server.createAccount", json=account)
    answer.raise_for_status()
    said = answer.json()
    return said["did"], said["accessJwt"]


async def _bring(client: httpx.AsyncClient, repo: OnDisk, token: str) -> None:
    answer = await client.post(
        "com.atproto.repo.importRepo",
        content=repo.path.read_bytes(),
        headers={"authorization": f"Bearer {token}", "content-type": "application/vnd.ipld.car"},
    )
    answer.raise_for_status()
