"""replay and backfill: index what is recorded, or what the repos hold, and end.

Ctrl-C ends them where they are, which loses nothing: what is not committed is read again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from appview.composition import indexer_settings, open_tools
from appview.config import Config
from appview.screen import Progress
from indexer.discovery import TROUBLES
from indexer.leadership import Leader, leadership
from indexer.replay import replay
from indexer.service import (
    Tools,
    build_accounts,
    build_indexer,
    build_pipeline,
    build_sequencer,
)


async def replay_file(config: Config, file: Path) -> None:
    async with open_tools(config) as tools, _leadership(tools) as leader:
        pipeline = await build_pipeline(tools, config.namespace, host=None, epoch=leader.epoch)
        summary = await replay(file, pipeline, build_accounts(tools, pipeline))
        await build_sequencer(tools, pipeline, indexer_settings(config)).number_all()
        click.echo(f"{summary.frames} frames, {summary.rejected} not readable")


async def backfill(config: Config) -> None:
    async with open_tools(config) as tools, _leadership(tools) as leader:
        indexer = await build_indexer(tools, indexer_settings(config), leader.epoch)
        try:
            await indexer.discovery.discover()
        except TROUBLES as error:
            raise click.ClickException(f"{config.discovery_origin}: {error}") from error
        progress = Progress(indexer)
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(indexer.resync.run(config.resync_workers)),
                group.create_task(indexer.accounts.run()),
                group.create_task(indexer.sequencer.run()),
            ]
            await progress.bar()
            for task in working:
                task.cancel()
        done, total = progress.counts()
        click.echo(f"{done} of {total} repos looked at, {len(indexer.resync.failing)} failed")


@asynccontextmanager
async def _leadership(tools: Tools) -> AsyncIterator[Leader]:
    async with leadership(tools.pool, asyncio.Event()) as leader:
        assert leader is not None, "nobody told it to stop"
        yield leader
