"""run, index, serve: the processes that stay."""

import asyncio
import sys

import structlog

from appview.composition import VERSION, keep_indexing, open_app, open_tools
from appview.config import Config, url_of
from appview.screen import show_first
from appview.serving import answer, listening, publish_metrics, stop_on_signals

log = structlog.get_logger(__name__)


async def run(config: Config) -> None:
    stop = stop_on_signals()
    listener = listening(config)
    publish_metrics(config)
    async with open_tools(config) as tools:
        show_first(config, VERSION, url_of(*listener.getsockname()[:2]))
        async with open_app(config, tools, stop) as app, asyncio.TaskGroup() as group:
            group.create_task(answer(config, app, listener, stop))
            group.create_task(keep_indexing(config, tools, stop, show_progress=True))


async def index(config: Config) -> None:
    stop = stop_on_signals()
    publish_metrics(config)
    async with open_tools(config) as tools:
        await keep_indexing(config, tools, stop, show_progress=sys.stderr.isatty())


async def serve(config: Config) -> None:
    """The schema of an embedded database is ours to mend; an operator's is not."""
    stop = stop_on_signals()
    listener = listening(config)
    publish_metrics(config)
    async with open_tools(config, migrate=config.database_url is None) as tools:
        log.info("serving", url=url_of(*listener.getsockname()[:2]))
        async with open_app(config, tools, stop) as app:
            await answer(config, app, listener, stop)
