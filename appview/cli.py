"""The command line, and the one place where everything is put together."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import click
import structlog
import uvicorn
import uvloop
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from appview import log as logs
from appview.app import AppSettings, create_app
from appview.config import BadSetting, Config, from_env
from appview.screen import Progress, say_status, show_first
from indexer.replay import BadRecording, replay
from indexer.service import (
    Indexer,
    IndexerSettings,
    Tools,
    build_accounts,
    build_indexer,
    build_pipeline,
    leadership,
)
from lexicons.catalog import load_catalog
from migrations.database import open_database
from migrations.errors import CannotOpen
from migrations.runner import migrate as migrate_database
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.remote import Remote

log = structlog.get_logger(__name__)

VERSION = version("plyr-appview")
DATABASE_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    OSError,
)
DATABASE_RETRY_SECONDS = 1.0
USER_AGENT = f"plyr-appview/{VERSION}"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION)
def cli() -> None:
    """An ATProto AppView for music. Settings are PLYR_* variables: README lists them."""


def main() -> None:
    """Answer what a person can mend with a sentence, anything else with a traceback."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (BadSetting, BadRecording, CannotOpen) as error:
        click.echo(f"plyr-appview: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


@cli.command()
def run() -> None:
    """Index and serve in one process, with an embedded Postgres unless told otherwise."""
    _start(_run)


@cli.command()
def index() -> None:
    """Index only. A second one stands by until the first is gone."""
    _start(_index)


@cli.command()
def serve() -> None:
    """Answer XRPC only; as many as wanted, beside one `index`."""
    _start(_serve)


@cli.command()
def migrate() -> None:
    """Bring the database to the version of this program."""
    _start(_migrate)


@cli.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def replay_file(file: Path) -> None:
    """Index a recorded firehose: repeated [4-byte big-endian length][frame]."""
    _start(lambda config: _replay(config, file))


@cli.command()
def backfill() -> None:
    """Discover the repos that hold our collections, fetch them, and end."""
    _start(_backfill)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def status(as_json: bool) -> None:
    """Say how far the index is: upstream, repos, quarantine."""
    _start(lambda config: _status(config, as_json=as_json))


def _start(command: Callable[[Config], Coroutine[Any, Any, None]]) -> None:
    import os  # noqa: PLC0415 - the one place that reads the environment

    config = from_env(os.environ)
    logs.configure(config.log_format, config.log_level)
    uvloop.run(command(config))


# what the commands are made of --------------------------------------------------------------


@asynccontextmanager
async def _tools(config: Config, *, migrate: bool = True) -> AsyncIterator[Tools]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(config.database_url, config.data_dir, max_size=16, migrate=migrate)
        )
        client = await stack.enter_async_context(
            GuardedClient(
                allow_private_addresses=config.allow_private_addresses,
                user_agent=USER_AGENT,
                trusted_origins=config.operator_origins,
            )
        )
        resolver = await stack.enter_async_context(
            IdentityResolver(
                client,
                plc_url=config.plc_url,
                handle_resolver_url=config.handle_resolver_url,
                store=IdentityStore(database.pool),
            )
        )
        yield Tools(
            pool=database.pool,
            catalog=load_catalog(config.namespace),
            client=client,
            resolver=resolver,
            remote=Remote(client, time.monotonic),
            now=lambda: datetime.now(UTC),
        )


def _indexer_settings(config: Config) -> IndexerSettings:
    return IndexerSettings(
        namespace=config.namespace,
        firehose_origin=config.firehose_origin,
        relay_origin=config.relay_origin,
        discovery_origin=config.discovery_origin,
        replay_max=timedelta(minutes=config.replay_max_minutes),
        resync_workers=config.resync_workers,
        spool=config.data_dir / "spool",
        max_repo_bytes=config.max_repo_bytes,
        min_free_bytes=config.min_free_bytes,
    )


def _app_settings(config: Config) -> AppSettings:
    return AppSettings(
        public_url=config.public_url,
        version=VERSION,
        namespace=config.namespace,
        data_dir=config.data_dir,
        min_free_bytes=config.min_free_bytes,
        trusted_media_hosts=frozenset(config.trusted_media_hosts),
    )


def _app(config: Config, tools: Tools) -> ASGIApp:
    return create_app(_app_settings(config), tools.pool, tools.catalog, tools.resolver)


class _Server(uvicorn.Server):
    """Signals are ours: they stop the indexer too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"PLYR_HOST={config.host} PLYR_PORT={config.port}: {error.strerror}"
        ) from error
    return listener


async def _answer(
    config: Config, app: ASGIApp, listener: socket.socket, stop: asyncio.Event
) -> None:
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=True,
            forwarded_allow_ips=list(config.trusted_proxies),
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _publish_metrics(config: Config) -> None:
    if config.metrics_listen is None:
        return
    host, port = config.metrics_listen
    try:
        start_http_server(port, host)
    except OSError as error:
        log.warning("metrics not served", address=f"{host}:{port}", error=error.strerror)


# the commands -------------------------------------------------------------------------------


async def _run(config: Config) -> None:
    stop = _stop_on_signals()
    listener = _listening(config)
    _publish_metrics(config)
    async with _tools(config) as tools:
        host, port = listener.getsockname()[:2]
        show_first(config, VERSION, f"http://{host}:{port}")
        async with asyncio.TaskGroup() as group:
            group.create_task(_answer(config, _app(config, tools), listener, stop))
            group.create_task(_keep_indexing(config, tools, stop, show_progress=True))


async def _index(config: Config) -> None:
    stop = _stop_on_signals()
    _publish_metrics(config)
    async with _tools(config) as tools:
        await _keep_indexing(config, tools, stop, show_progress=sys.stderr.isatty())


async def _keep_indexing(
    config: Config, tools: Tools, stop: asyncio.Event, *, show_progress: bool
) -> None:
    """Index as the leader; a database that went away is waited for, from the cursor on."""
    while not stop.is_set():
        try:
            await _index_as_leader(config, tools, stop, show_progress=show_progress)
        except* DATABASE_GONE as gone:
            log.warning("database lost, starting over from the cursor", error=str(gone))
            await asyncio.sleep(DATABASE_RETRY_SECONDS)


async def _index_as_leader(
    config: Config, tools: Tools, stop: asyncio.Event, *, show_progress: bool
) -> None:
    async with leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        indexer = await build_indexer(tools, _indexer_settings(config))
        showing = asyncio.create_task(Progress(indexer).show() if show_progress else _idle())
        try:
            await indexer.run(leader, stop)
        finally:
            showing.cancel()


async def _idle() -> None:
    return


async def _serve(config: Config) -> None:
    stop = _stop_on_signals()
    listener = _listening(config)
    _publish_metrics(config)
    async with _tools(config, migrate=config.database_url is None) as tools:
        host, port = listener.getsockname()[:2]
        log.info("serving", url=f"http://{host}:{port}")
        await _answer(config, _app(config, tools), listener, stop)


async def _migrate(config: Config) -> None:
    async with open_database(config.database_url, config.data_dir, migrate=True) as database:
        applied = await migrate_database(database.url)
        click.echo(f"the database is up to date ({len(applied)} revisions applied just now)")


async def _replay(config: Config, file: Path) -> None:
    stop = _stop_on_signals()
    async with _tools(config) as tools, leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        pipeline = await build_pipeline(tools, config.namespace, host=None)
        summary = await replay(file, pipeline, build_accounts(tools, pipeline))
        click.echo(f"{summary.frames} frames, {summary.rejected} not readable")


async def _backfill(config: Config) -> None:
    stop = _stop_on_signals()
    async with _tools(config) as tools, leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        indexer: Indexer = await build_indexer(tools, _indexer_settings(config))
        await indexer.discovery.discover()
        progress = Progress(indexer)
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(indexer.resync.run(config.resync_workers)),
                group.create_task(indexer.accounts.run()),
            ]
            await progress.bar()
            for task in working:
                task.cancel()
        done, total = progress.counts()
        click.echo(f"{done} of {total} repos in sync")


async def _status(config: Config, *, as_json: bool) -> None:
    async with open_database(config.database_url, config.data_dir) as database:
        said = await say_status(_app_settings(config), database.pool, as_json=as_json)
        click.echo(said)


if __name__ == "__main__":
    main()
