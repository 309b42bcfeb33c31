"""The one place where everything is put together from the settings."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import BinaryIO

import structlog
from starlette.types import ASGIApp

from appview.config import Config
from appview.context import AppSettings
from appview.media.blobs import open_blobs
from appview.media.bucket import open_bucket
from appview.media.disk import Disk
from appview.media.sources import Sources
from appview.media.stored import Stored
from appview.playback.facts import FactReader
from appview.playback.missing import Missing
from appview.screen import Progress
from indexer.leadership import leadership
from indexer.sequencer import Retention
from indexer.service import IndexerSettings, Tools, build_indexer
from lexicons.catalog import load_catalog
from lexicons.cid import Cid
from migrations.database import DATABASE_AWAY, Pool, open_database
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.rate_limit import RateLimit
from xrpc.remote import Remote

log = structlog.get_logger(__name__)

VERSION = version("plyr-appview")
USER_AGENT = f"plyr-appview/{VERSION}"
DATABASE_RETRY_SECONDS = 1.0


def open_tools(config: Config, *, migrate: bool = True) -> AbstractAsyncContextManager[Tools]:
    return _opened(config, IdentityStore, migrate=migrate)


def open_reading_tools(config: Config) -> AbstractAsyncContextManager[Tools]:
    """As `open_tools`, for what must change nothing: who is looked up leaves no trace."""
    return _opened(config, lambda _: None, migrate=False)


@asynccontextmanager
async def _opened(
    config: Config, store_in: Callable[[Pool], IdentityStore | None], *, migrate: bool
) -> AsyncIterator[Tools]:
    async with (
        open_database(
            config.database_url, config.data_dir, max_size=16, migrate=migrate
        ) as database,
        open_client(config) as client,
        IdentityResolver(
            client,
            plc_url=config.plc_url,
            handle_resolver_url=config.handle_resolver_url,
            store=store_in(database.pool),
        ) as resolver,
    ):
        yield Tools(
            pool=database.pool,
            catalog=load_catalog(config.namespace),
            client=client,
            operators=client.trusting(*config.operator_origins),
            resolver=resolver,
            remote=Remote(client, time.monotonic),
            now=lambda: datetime.now(UTC),
        )


def open_client(config: Config) -> GuardedClient:
    return GuardedClient(
        allow_private_addresses=config.allow_private_addresses, user_agent=USER_AGENT
    )


def indexer_settings(config: Config) -> IndexerSettings:
    return IndexerSettings(
        namespace=config.namespace,
        firehose_origin=config.firehose_origin,
        relay_origin=config.relay_origin,
        discovery_origin=config.discovery_origin,
        second_firehose_origin=config.second_firehose_origin,
        sample_seconds=config.sample_seconds,
        replay_max=timedelta(minutes=config.replay_max_minutes),
        resync_workers=config.resync_workers,
        spool=config.data_dir / "spool",
        max_repo_bytes=config.max_repo_bytes,
        min_free_bytes=config.min_free_bytes,
        retention=Retention(config.events_hours, config.events_count),
        trusted_media_hosts=frozenset(config.trusted_media_hosts),
        labelers=config.labelers,
    )


def app_settings(config: Config) -> AppSettings:
    return AppSettings(
        origin=config.public_url,
        version=VERSION,
        namespace=config.namespace,
        data_dir=config.data_dir,
        min_free_bytes=config.min_free_bytes,
        trusted_media_hosts=frozenset(config.trusted_media_hosts),
        rate_limit=RateLimit(config.rate_limit_requests, config.rate_limit_seconds)
        if config.rate_limit_requests
        else None,
        max_subscribers=config.max_subscribers,
        max_subscribers_per_caller=config.max_subscribers_per_caller,
        service_key=config.service_key,
        labelers=config.labelers,
    )


@asynccontextmanager
async def open_app(config: Config, tools: Tools, stop: asyncio.Event) -> AsyncIterator[ASGIApp]:
    from appview.app import create_app  # noqa: PLC0415 - commands that serve nothing go without

    disk = Disk(config.data_dir / "media", config.media_cache_bytes, config.min_free_bytes)
    # Listeners do not wait behind walks of the same host, nor walks behind them.
    remote = Remote(tools.client, time.monotonic)
    missing, facts = Missing(tools.pool), FactReader(tools.pool)
    sources = Sources(tools.resolver, remote, tools.client, config.max_blob_bytes, missing.note)
    bucket = None
    if config.media_store is not None:
        bucket = open_bucket(config.media_store, Stored(tools.pool, config.media_store_bytes))

    async def told(cid: Cid, file: BinaryIO) -> None:
        await missing.came(cid)
        await facts.note(cid, file)

    async with open_blobs(disk, sources, bucket=bucket, told=told) as blobs:
        blobs.media.spawn(facts.catch_up(disk))
        yield create_app(
            app_settings(config), tools.pool, tools.catalog, tools.resolver, stop, blobs
        )


async def keep_indexing(
    config: Config, tools: Tools, stop: asyncio.Event, *, show_progress: bool
) -> None:
    """Index as the leader; a database that went away is waited for, from the cursor on."""
    while not stop.is_set():
        try:
            await _index_as_leader(config, tools, stop, show_progress=show_progress)
        except* DATABASE_AWAY as gone:
            why = "; ".join(sorted(_messages(gone)))
            log.warning("database lost, starting over from the cursor", error=why)
            await asyncio.sleep(DATABASE_RETRY_SECONDS)


def _messages(error: BaseException) -> set[str]:
    """Of a group it is those within that say what happened."""
    if isinstance(error, BaseExceptionGroup):
        return {message for each in error.exceptions for message in _messages(each)}
    return {str(error) or type(error).__name__}


async def _index_as_leader(
    config: Config, tools: Tools, stop: asyncio.Event, *, show_progress: bool
) -> None:
    async with leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        indexer = await build_indexer(tools, indexer_settings(config), leader.epoch)
        showing = asyncio.create_task(Progress(indexer).show()) if show_progress else None
        try:
            await indexer.run(leader, stop)
        finally:
            if showing is not None:
                showing.cancel()
