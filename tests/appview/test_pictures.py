"""/img: pictures of records that are shown, made anew, and nothing else."""

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from appview.app import create_app
from appview.context import AppSettings
from appview.media.blobs import open_blobs
from appview.media.disk import Disk
from appview.media.sources import Sources
from lexicons.catalog import load_catalog
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.appview.served import served
from tests.indexer.test_replay import tools
from tests.network.http import HttpServer
from tests.network.world import Person, World

UPSTREAM = "com.atproto.sync.getBlob"


def picture(side: int = 2_000, colour: str = "red", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(file, kind)
    return file.getvalue()


def shown(answer: httpx.Response) -> tuple[int, int]:
    """Its width and height."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
    with Image.open(io.BytesIO(answer.content)) as opened:
        opened.load()
        assert opened.format == "JPEG"
        return opened.size


class Host(HttpServer):
    """Anybody's server, to which records point."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    async def answer(self, _: Request, name: str) -> Response:
        if name not in self.files:
            return Response(status_code=404)
        return Response(self.files[name], media_type="image/png")


@dataclass(slots=True)
class Scene:
    world: World
    alice: Person
    rows: Rows
    host: Host
    server: httpx.AsyncClient

    async def views(self) -> dict[str, dict[str, str]]:
        """Of alice and of her newest track: where the views say that the pictures are."""
        answer = await self.server.get("/xrpc/fm.plyr.feed.getLatest", params={"limit": 1})
        (item,) = answer.json()["feed"]
        track = item["track"]
        found = {"artwork": track.get("artwork"), "avatar": track["author"].get("avatar")}
        return {name: image for name, image in found.items() if image}

    async def get(self, url: str, **headers: str) -> httpx.Response:
        return await self.server.get(urlsplit(url).path, headers=headers)

    async def cover(self, name: str = "cover.png", **columns: Any) -> str:
        """A track whose record says that its picture is at the host; answers with its URL here."""
        await self.rows.track(self.alice.did, image_url=f"{self.host.url}/{name}", **columns)
        return (await self.views())["artwork"]["medium"]


@asynccontextmanager
async def staged(pool: Pool, folder: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        world = await World.start()
        stack.push_async_callback(world.stop)
        alice = await world.person("alice")
        host = Host()
        await host.open()
        stack.push_async_callback(host.close)
        host.files["cover.png"] = picture()
        rows = Rows(pool)
        await rows.account(alice.did)
        given = await stack.enter_async_context(
            tools(pool, world.directory.url, allow_private_addresses=True)
        )
        sources = Sources(given.resolver, given.remote, given.client, 50_000_000)
        disk = Disk(folder / "media", 1 << 40, 0)
        blobs = await stack.enter_async_context(open_blobs(disk, sources))
        settings = AppSettings("https://music.test", "1", folder / "data", remembers_pages=False)
        app = create_app(settings, pool, load_catalog(), None, blobs=blobs)
        url = await stack.enter_async_context(served(app))
        server = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
        yield Scene(world, alice, rows, host, server)


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path) as scene:
        yield scene


async def test_a_cover_at_any_address_comes_from_us_in_three_sizes(scene: Scene) -> None:
    await scene.cover()
    urls = (await scene.views())["artwork"]
    answers = [await scene.get(urls[size]) for size in ("thumb", "medium", "full")]
    assert [shown(answer) for answer in answers] == [(128, 64), (512, 256), (1500, 750)]
    assert scene.host.times_asked("cover.png") == 1


async def test_an_avatar_is_a_proven_blob(scene: Scene) -> None:
    blob = scene.alice.pds.add_blob(scene.alice.did, picture(300), "image/png")
    await scene.rows.bsky_profile(scene.alice.did, avatar_cid=str(blob["ref"]))
    await scene.rows.track(scene.alice.did)
    urls = (await scene.views())["avatar"]
    assert shown(await scene.get(urls["full"])) == (300, 150)
    assert shown(await scene.get(urls["thumb"])) == (128, 64)
    assert scene.alice.pds.times_asked(UPSTREAM) == 1
