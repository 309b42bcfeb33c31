"""The indexer put together: what it is made of, how it starts, how it stops."""

import asyncio
import gc
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from indexer import metrics, moderation
from indexer.accounts import Accounts
from indexer.decisions import Wakes
from indexer.discovery import Discovery
from indexer.doubts import Doubts
from indexer.labels.labels import Labels
from indexer.leadership import Leader
from indexer.list_sums import ListSums
from indexer.missing_blobs import MissingBlobs
from indexer.pipeline import Pipeline
from indexer.probing import Probing
from indexer.purge import Purge
from indexer.ranking.keeper import Rankings
from indexer.records.registry import record_types
from indexer.relay import Relay
from indexer.repo_state import QueueSizes, RepoState, State
from indexer.requests import Requests
from indexer.resync import Resync
from indexer.search.follow import Search
from indexer.sequencer import Retention, Sequencer
from indexer.spool import Spool
from indexer.watch import Watch
from indexer.writer import Writer
from lexicons.catalog import Catalog
from lexicons.syntax import Did, InvalidSyntax, parse_datetime
from migrations.database import Pool
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.remote import Remote
from xrpc.tasks import first_of

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 5.0
STREAM_FIRST_SECONDS = 5.0
OF_BLUESKY = "app.bsky.actor.profile"  # indexed for accounts that we know, never a reason to track


@dataclass(frozen=True, slots=True)
class IndexerSettings:
    namespace: str
    firehose_origin: str
    relay_origin: str
    discovery_origin: str
    second_firehose_origin: str | None
    sample_seconds: int
    replay_max: timedelta
    resync_workers: int
    spool: Path
    max_repo_bytes: int
    min_free_bytes: int
    retention: Retention
    trusted_media_hosts: frozenset[str] = frozenset()
    labelers: tuple[Did, ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the indexer is given: it opens nothing itself.

    `client` and `remote` are for strangers' addresses; `operators` may also reach those that the
    operator chose, private ones too.
    """

    pool: Pool
    catalog: Catalog
    client: GuardedClient
    operators: GuardedClient
    resolver: IdentityResolver
    remote: Remote
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Indexer:
    pipeline: Pipeline
    relay: Relay
    resync: Resync
    discovery: Discovery
    accounts: Accounts
    watch: Watch
    requests: Requests
    sequencer: Sequencer
    probing: Probing
    missing_blobs: MissingBlobs
    labels: Labels
    list_sums: ListSums
    resync_workers: int

    async def run(self, leader: Leader, stop: asyncio.Event) -> None:
        """Index until `stop`; then let what has been received be written."""
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.relay.run())
            others = [
                group.create_task(self.pipeline.run()),
                group.create_task(self.resync.run(self.resync_workers)),
                group.create_task(self._discover()),
                group.create_task(self.accounts.run()),
                group.create_task(Purge(self.accounts.pool, self.pipeline).run()),
                group.create_task(Search(self.accounts.pool).run()),
                group.create_task(Rankings(self.accounts.pool, self.pipeline.now).run()),
                group.create_task(self.watch.run()),
                group.create_task(self.requests.run()),
                group.create_task(self.sequencer.run()),
                group.create_task(self.probing.run()),
                group.create_task(self.missing_blobs.asker.run()),
                group.create_task(self.labels.run()),
                group.create_task(self.list_sums.run()),
                group.create_task(self._measure()),
                group.create_task(leader.watch()),
            ]
            await stop.wait()
            reading.cancel()
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self.pipeline.settled()
                await self.pipeline.write_cursor()
                await self.sequencer.number_all()
            except TimeoutError:
                log.warning("stopped with events unwritten: the cursor has not passed them")
            for task in others:
                task.cancel()

    async def _discover(self) -> None:
        """First the stream, if it comes soon: of whoever begins from then on it tells."""
        await first_of(self.relay.listens, STREAM_FIRST_SECONDS)
        await self.discovery.run()

    async def _measure(self) -> None:
        while True:
            by_state = dict.fromkeys(State, 0)
            for repo in self.pipeline.repos.values():
                by_state[repo.state] += 1
            for state, count in by_state.items():
                metrics.repos.labels(state).set(count)
            with suppress(InvalidSyntax):
                told_at = parse_datetime(self.pipeline.settled_time)
                metrics.lag_seconds.set((self.pipeline.now() - told_at).total_seconds())
            await asyncio.sleep(5)


async def build_pipeline(
    tools: Tools, namespace: str, host: str | None, epoch: int | None = None
) -> Pipeline:
    """Load what the database knows of every repo."""
    types = record_types(namespace)
    await moderation.follow_all(tools.pool, types)
    await _call_for_walks(tools.pool, types)
    repos = await tools.pool.fetch(
        "select did, state, rev, data, walked, reason, doubted_at from repo"
    )
    inactive = await tools.pool.fetch("select did from account where not upstream_active")
    queued = await tools.pool.fetch(
        "select did, sum(octet_length(frame))::bigint as bytes from repo_queue group by did"
    )
    walked = {names: frozenset(names) for names in {tuple(row["walked"]) for row in repos}}
    wakes = Wakes()
    pipeline = Pipeline(
        host=host,
        wakes=wakes,
        writer=Writer(tools.pool, types, tools.catalog, tools.now, wakes.ring, epoch),
        resolver=tools.resolver,
        signals=frozenset(types) - {OF_BLUESKY},
        collections=frozenset(types),
        now=tools.now,
        repos={
            row["did"]: RepoState(
                Did(row["did"]),
                State(row["state"]),
                row["rev"],
                row["data"],
                walked[tuple(row["walked"])],
                row["reason"],
            )
            for row in repos
        },
        inactive={row["did"] for row in inactive},
        queued=QueueSizes({row["did"]: row["bytes"] for row in queued}),
        doubts=Doubts.remembered(row["did"] for row in repos if row["doubted_at"] is not None),
    )
    _keep_for_good()
    return pipeline


async def _call_for_walks(pool: Pool, collections: Collection[str]) -> None:
    """For a collection that is wanted by now, whatever the rev; and where one was cut short."""
    await pool.execute(
        """
        update repo
        set state = 'desynchronized', due_at = now(), reason = 'a collection was not walked yet'
        where state = 'synchronized' and not walked @> $1::text[]
        """,
        sorted(collections),
    )
    await pool.execute(
        """
        with cut as (
            update repo set state = 'desynchronized' where state = 'resyncing' returning did
        )
        delete from repo_queue where did in (select did from cut)
        """
    )


def _keep_for_good() -> None:
    """Let no full garbage collection go through what is known of all repos again: it is no garbage.

    Beside 100,000 repos that was a sixth of the time that a commit takes here.
    """
    gc.unfreeze()  # of a pipeline that was before this one
    gc.collect()
    gc.freeze()


def build_accounts(tools: Tools, pipeline: Pipeline) -> Accounts:
    return Accounts(tools.pool, pipeline, tools.resolver, tools.remote, tools.now)


def build_sequencer(tools: Tools, pipeline: Pipeline, settings: IndexerSettings) -> Sequencer:
    return Sequencer(tools.pool, pipeline.wakes.numbering, settings.retention, tools.now)


def build_labels(tools: Tools, settings: IndexerSettings) -> Labels:
    types = record_types(settings.namespace)
    return Labels(settings.labelers, tools.pool, tools.client, tools.resolver, types)


def build_spool(tools: Tools, settings: IndexerSettings) -> Spool:
    return Spool(tools.remote, settings.spool, settings.max_repo_bytes, settings.min_free_bytes)


async def build_indexer(tools: Tools, settings: IndexerSettings, epoch: int) -> Indexer:
    host = settings.firehose_origin.partition("://")[2]
    pipeline = await build_pipeline(tools, settings.namespace, host, epoch)
    directory = Remote(tools.operators, time.monotonic)
    discovery = Discovery(tools.pool, pipeline, directory, settings.discovery_origin, tools.now)
    relay = Relay(
        origin=settings.firehose_origin,
        client=tools.operators,
        pipeline=pipeline,
        pool=tools.pool,
        replay_max=settings.replay_max,
        now=tools.now,
        on_gap=discovery.after_gap,
    )
    resync = Resync(
        pool=tools.pool,
        pipeline=pipeline,
        resolver=tools.resolver,
        remote=tools.remote,
        relay_origin=settings.relay_origin,
        spool=build_spool(tools, settings),
        now=tools.now,
    )
    watch = Watch(
        pipeline=pipeline,
        resolver=tools.resolver,
        remote=tools.remote,
        client=tools.operators,
        second_origin=settings.second_firehose_origin,
        sample_seconds=settings.sample_seconds,
        now=tools.now,
        on_gap=discovery.after_gap,
    )
    return Indexer(
        pipeline,
        relay,
        resync,
        discovery,
        build_accounts(tools, pipeline),
        watch,
        Requests(tools.pool, pipeline, tools.resolver, tools.remote, tools.now),
        build_sequencer(tools, pipeline, settings),
        Probing(tools.pool, tools.client, settings.trusted_media_hosts, tools.now),
        MissingBlobs(tools.pool, tools.resolver, tools.remote, tools.now),
        build_labels(tools, settings),
        ListSums.of(tools.pool, settings.trusted_media_hosts),
        settings.resync_workers,
    )
