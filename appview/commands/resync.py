"""resync: ask the indexer for walks of repos, and see what comes of them."""

import asyncio
from collections.abc import Sequence

import click
import orjson
from tqdm import tqdm

from appview.commands.actors import find_dids
from appview.composition import open_tools
from appview.config import Config
from indexer import requests
from indexer.leadership import is_led
from indexer.requests import Outcome
from lexicons.syntax import Did
from migrations.database import Pool

POLL_SECONDS = 0.5
NOBODY_SECONDS = 10.0
NOBODY = "no indexer is at work: it is done as soon as one starts"


async def resync(
    config: Config, actors: Sequence[str], *, everything: bool, wait: bool, as_json: bool
) -> int:
    """The exit status: 1 if a walk failed, 2 if nobody is there to walk."""
    async with open_tools(config, migrate=False) as tools:
        if everything:
            dids = await requests.known_dids(tools.pool)
        else:
            dids = await find_dids(tools, actors)
        await requests.ask(tools.pool, dids)
        if wait:
            return await _wait(tools.pool, dids, as_json=as_json)
        noun = "repo" if len(dids) == 1 else "repos"
        click.echo(f"asked for {len(dids)} {noun}", err=as_json)
        if not await is_led(tools.pool):
            click.echo(NOBODY, err=True)
        return 0


async def _wait(pool: Pool, dids: Sequence[Did], *, as_json: bool) -> int:
    """Print each outcome as it comes. A failed walk is not waited for again."""
    left = set(dids)
    status, alone = 0, 0.0
    with tqdm(total=len(dids), unit="repo", desc="walking", disable=None) as bar:
        while left:
            for outcome in await requests.outcomes(pool, sorted(left)):
                left.discard(outcome.did)
                bar.update()
                tqdm.write(_said(outcome, as_json=as_json))
                status = max(status, int(outcome.state == "failed"))
            alone = 0.0 if await is_led(pool) else alone + POLL_SECONDS
            if left and alone >= NOBODY_SECONDS:
                click.echo(NOBODY, err=True)
                return 2
            await asyncio.sleep(POLL_SECONDS if left else 0)
    return status


def _said(outcome: Outcome, *, as_json: bool) -> str:
    if as_json:
        return orjson.dumps({key: value for key, value in _fields(outcome) if value}).decode()
    words = [f"{outcome.did}: {outcome.state}"]
    if outcome.rev is not None:
        words.append(f"at {outcome.rev}")
    if outcome.error is not None:
        words.append(f"({outcome.error})")
    if outcome.retry_at is not None:
        words.append(f"again at {outcome.retry_at:%Y-%m-%d %H:%M:%S}Z")
    return " ".join(words)


def _fields(outcome: Outcome) -> list[tuple[str, object]]:
    return [
        ("did", outcome.did),
        ("state", outcome.state),
        ("rev", outcome.rev),
        ("error", outcome.error),
        ("retryAt", outcome.retry_at),
    ]
