"""What a person sees at the terminal: the first screen, and a bar while repos are fetched."""

import asyncio
import sys
from dataclasses import dataclass

import orjson
from tqdm import tqdm

from appview.config import Config
from appview.context import AppContext, AppSettings
from appview.queries.get_status import read_status
from appview.rules import Trust
from indexer.repo_state import State
from indexer.service import Indexer
from migrations.database import Pool

RATE_SECONDS = 10.0
UNDER_WAY = frozenset({State.DESYNCHRONIZED, State.RESYNCING})

FIRST = """\
plyr-appview {version}
  serving   {url}
  database  {database}
  relay     {relay}
  discovery {discovery}
  namespace {namespace}.*

  try       curl '{url}/xrpc/fm.plyr.feed.getLatest?limit=5'
"""


def show_first(config: Config, version: str, url: str) -> None:
    database = "external" if config.database_url else f"embedded, in {config.data_dir}"
    sys.stdout.write(
        FIRST.format(
            version=version,
            url=url,
            database=database,
            relay=config.firehose_origin,
            discovery=config.discovery_origin,
            namespace=config.namespace,
        )
    )
    sys.stdout.flush()


async def say_status(settings: AppSettings, pool: Pool, *, as_json: bool) -> str:
    """What fm.plyr.sync.getStatus answers, for a terminal."""
    trust = Trust.of(settings.origin, settings.trusted_media_hosts)
    status = await read_status(AppContext(settings, pool, trust))
    if as_json:
        return orjson.dumps(status).decode()
    repos, backfill = status["repos"], status["backfill"]
    lines = [
        f"backfill    {backfill['state']}: {backfill['done']} of {backfill['total']} repos",
        f"repos       {repos['synchronized']} synchronized, "
        f"{repos['desynchronized']} to be fetched, {repos['parked']} parked",
        f"quarantined {status['quarantined']} records",
    ]
    for upstream in status["upstreams"]:
        state = "connected" if upstream["connected"] else "not connected"
        lag = f", {upstream['lagMs'] / 1000:.1f} s behind" if "lagMs" in upstream else ""
        reached = f"seq {upstream['seq']}" if "seq" in upstream else "no event yet"
        lines.append(f"upstream    {upstream['host']}: {state}, {reached}{lag}")
        if "error" in upstream:
            lines.append(f"            {upstream['error']}")
    for labeler in status["labelers"]:
        state = "connected" if labeler["connected"] else "not connected"
        lines.append(f"labeler     {labeler['did']}: {state}, seq {labeler['seq']}")
        if "error" in labeler:
            lines.append(f"            {labeler['error']}")
    lines += [
        f"gap         {gap['recordedAt']:%Y-%m-%d %H:%M} {gap['host']}: {gap['reason']}"
        for gap in status["gaps"]
        if "closedAt" not in gap
    ]
    return "\n".join(lines)


@dataclass(slots=True)
class Progress:
    """How many of the known repos are fetched, and how fast the relay sends."""

    indexer: Indexer
    _bytes: int = 0

    def counts(self) -> tuple[int, int]:
        """Repos done with and repos in all; one whose host fails is tried again later, beside."""
        repos, failing = self.indexer.pipeline.repos, self.indexer.resync.failing
        left = sum(repo.state in UNDER_WAY and did not in failing for did, repo in repos.items())
        return len(repos) - left, len(repos)

    def stream(self, seconds: float) -> str:
        relay = self.indexer.relay
        megabits = (relay.received_bytes - self._bytes) * 8 / 1e6 / seconds
        self._bytes = relay.received_bytes
        if relay.connected:
            return f"{relay.host}: {megabits:.1f} Mbit/s in"
        return f"{relay.host}: not connected ({relay.error or 'connecting'})"

    async def show(self) -> None:
        """A bar with an ETA while repos are fetched, then a line now and then; until cancelled."""
        while True:
            await self.bar()
            done, total = self.counts()
            failing = len(self.indexer.resync.failing)
            trouble = f", {failing} of them to be tried again" if failing else ""
            line = f"{done} of {total} repos looked at{trouble}. {self.stream(RATE_SECONDS)}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
            await asyncio.sleep(RATE_SECONDS if total == 0 else 6 * RATE_SECONDS)
            self.stream(6 * RATE_SECONDS)

    async def bar(self) -> None:
        """Show the repos being fetched until none is left that could be."""
        done, total = self.counts()
        if done == total:
            await asyncio.sleep(1)
            done, total = self.counts()
        if done == total:
            return
        with tqdm(total=total, initial=done, unit="repo", desc="fetching", mininterval=0.5) as bar:
            while done < total:
                bar.total, bar.n = total, done
                bar.set_postfix_str(self.stream(1.0), refresh=True)
                await asyncio.sleep(1)
                done, total = self.counts()
            bar.total, bar.n = total, done
            bar.refresh()
