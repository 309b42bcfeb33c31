"""replay and backfill: index what is recorded, or what the repos hold, and end."""

import asyncio
from pathlib import Path

import click

from appview.composition import indexer_settings, open_tools
from appview.config import Config
from appview.screen import Progress
from appview.serving import stop_on_signals
from indexer.leadership import leadership
from indexer.replay import replay
from indexer.service import (
    build_accounts,
    build_indexer,
    build_pipeline,
    build_sequencer,
)


async def replay_file(config: Config, file: Path) -> None:
    stop = stop_on_signals()
    async with open_tools(config) as tools, leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        pipeline = await build_pipeline(tools, config.namespace, host=None, epoch=leader.epoch)
        summary = await replay(file, pipeline, build_accounts(tools, pipeline))
        await build_sequencer(tools, pipeline, indexer_settings(config)).number_all()
        click.echo(f"{summary.frames} frames, {summary.rejected} not readable")


async def backfill(config: Config) -> None:
    stop = stop_on_signals()
    async with open_tools(config) as tools, leadership(tools.pool, stop) as leader:
        if leader is None:
            return
        indexer = await build_indexer(tools, indexer_settings(config), leader.epoch)
        await indexer.discovery.discover()
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
