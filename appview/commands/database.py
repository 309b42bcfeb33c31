"""migrate and status: the database, and how far it is."""

from contextlib import AsyncExitStack

import click

from appview.composition import app_settings
from appview.config import Config
from appview.screen import say_status
from migrations import embedded, runner
from migrations.database import open_database


async def migrate(config: Config) -> None:
    async with AsyncExitStack() as stack:
        url = config.database_url
        if url is None:
            folder = config.data_dir / "postgres"
            url = await stack.enter_async_context(embedded.running(folder))
        applied = await runner.migrate(url)
    click.echo(f"applied {', '.join(applied)}" if applied else "the database is up to date")


async def status(config: Config, *, as_json: bool) -> None:
    async with open_database(config.database_url, config.data_dir) as database:
        click.echo(await say_status(app_settings(config), database.pool, as_json=as_json))
