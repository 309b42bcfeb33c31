"""demo: the whole service in front of a network of its own, in a folder that goes with it."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from appview.composition import keep_indexing, open_app, open_tools
from appview.config import BadSetting, Config, local_url
from appview.demo.network import Network, Written
from appview.demo.story import Story
from appview.serving import answer, listening, stop_on_signals
from lexicons.syntax import parse_at_uri
from migrations.database import Pool

PAUSE_SECONDS = 45.0
POLL_SECONDS = 0.1
BEGINNING = """\
A network of our own on this machine: nothing is asked of the internet, nothing is kept.
Its artists are rehearsing, which takes some seconds. Ctrl-C ends it all.
"""


async def demo(config: Config) -> None:
    stop = stop_on_signals()
    _say(BEGINNING)
    with tempfile.TemporaryDirectory(prefix="plyr-demo-") as folder:
        async with _network(config) as network:
            await _play(config, network, Path(folder), stop)


@asynccontextmanager
async def _network(config: Config) -> AsyncIterator[Network]:
    config, over = replace(config, host="127.0.0.1", port=0), asyncio.Event()
    listener = listening(config)
    listener.listen()
    network = Network(f"http://127.0.0.1:{listener.getsockname()[1]}")
    serving = asyncio.create_task(answer(config, network.app(), listener, over))
    try:
        yield network
    finally:
        network.end()
        over.set()
        await serving


async def _play(config: Config, network: Network, folder: Path, stop: asyncio.Event) -> None:
    try:
        listener = listening(config)
    except BadSetting:  # somebody has that port: any other does as well
        listener = listening(replace(config, port=0))
    listener.listen()
    config = replace(
        config,
        public_url=local_url(*listener.getsockname()[:2]),
        database_url=None,
        data_dir=folder,
        relay_url=network.url,
        discovery_url=network.url,
        second_relay_url=None,
        plc_url=network.url,
        handle_resolver_url=network.url,
        namespace="fm.plyr",
        allow_private_addresses=True,
        min_free_bytes=0,
        media_store=None,
    )
    story = Story.begin(network)
    async with (
        open_tools(config) as tools,
        open_app(config, tools, stop) as app,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(answer(config, app, listener, stop))
        group.create_task(keep_indexing(config, tools, stop, show_progress=False))
        telling = group.create_task(_tell(config, story, tools.pool))
        await stop.wait()
        telling.cancel()


async def _tell(config: Config, story: Story, pool: Pool) -> None:
    playlist = await story.open()
    await _until_shown(pool, playlist)
    uri = parse_at_uri(playlist.uri)
    _say(f"\nOpen this and listen:\n{config.public_url}/list/{uri.authority}/{uri.rkey}\n")
    await story.go_on(PAUSE_SECONDS)


async def _until_shown(pool: Pool, record: Written) -> None:
    while True:
        if await pool.fetchval("select true from shown_list where uri = $1", record.uri):
            return
        await asyncio.sleep(POLL_SECONDS)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
