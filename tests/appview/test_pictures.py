"""/img: pictures of records that are shown, made anew, and nothing else."""

import asyncio
import io
import time
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
from appview.media.permits import PERMIT_SECONDS
from appview.media.sources import Sources
from appview.pictures.failures import Failures, NoPicture, NotNow
from appview.pictures.fetching import AT_ONCE_PER_HOST
from appview.pictures.permits import Address
from lexicons.catalog import load_catalog
from migrations.database import Pool
from tests.appview.covers import FRONT_COVER, covered, picture
from tests.appview.makers import Rows, cid_of
from tests.appview.served import served
from tests.appview.stage import a_second_later
from tests.indexer.tools import tools
from tests.network.http import Fault, HttpServer, body, endless, held, redirect, status
from tests.network.world import Person, World
from tests.support import http_client, wait_until
from xrpc.rate_limit import RateLimit
from xrpc.remote import Remote

UPSTREAM = "com.atproto.sync.getBlob"


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
    servers: list[httpx.AsyncClient]

    @property
    def server(self) -> httpx.AsyncClient:
        return self.servers[0]

    @property
    def fetches(self) -> int:
        return len(self.host.asked)

    async def views(self) -> dict[str, dict[str, str]]:
        """Of alice and of her newest track: where the views say that the pictures are."""
        answer = await self.server.get("/xrpc/fm.plyr.feed.getLatest", params={"limit": 1})
        (item,) = answer.json()["feed"]
        track = item["track"]
        found = {"artwork": track.get("artwork"), "avatar": track["author"].get("avatar")}
        return {name: image for name, image in found.items() if image}

    async def get(self, url: str, *, server: int = 0, known: str = "") -> httpx.Response:
        """`known`: the ETag of what the client has already."""
        headers = {"if-none-match": known} if known else {}
        return await self.servers[server].get(urlsplit(url).path, headers=headers)

    async def artwork(self, size: str = "medium") -> str:
        return (await self.views())["artwork"][size]

    async def cover(self, name: str = "cover.png", **columns: Any) -> str:
        """A track whose record says that its picture is at the host; answers with our URL of it."""
        await self.rows.track(self.alice.did, image_url=f"{self.host.url}/{name}", **columns)
        return await self.artwork()

    async def linked(self) -> dict[str, Any]:
        """What is said to somebody to whom the newest track is a link."""
        newest = (await self.server.get("/xrpc/fm.plyr.feed.getLatest")).json()["feed"][0]
        asked = {"url": newest["track"]["uri"]}
        answer: dict[str, Any] = (await self.server.get("/oembed", params=asked)).json()
        return answer

    async def song(self, data: bytes, **columns: Any) -> str:
        """A track with a sound that is known to have a picture in it; answers with its CID."""
        blob = self.alice.pds.add_blob(self.alice.did, data, "audio/mpeg")
        cid = str(blob["ref"])
        await self.rows.track(self.alice.did, audio_cid=cid, **columns)
        await self.rows.insert("media.audio_fact", cid=cid, size=len(data), has_picture=True)
        return cid


@asynccontextmanager
async def staged(
    pool: Pool, folder: Path, *, reaches_private: bool = True, limit: RateLimit | None = None
) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World.open())
        alice = await world.person("alice")
        host = Host()
        await host.open()
        stack.push_async_callback(host.close)
        host.files["cover.png"] = picture(2_000)
        rows = Rows(pool)
        await rows.account(alice.did)
        given = await stack.enter_async_context(
            tools(pool, world.directory.url, allow_private_addresses=reaches_private)
        )
        client = given.client.trusting(host.url)
        servers, end = [], asyncio.Event()
        for _ in range(2):
            sources = Sources(given.resolver, Remote(client, time.monotonic), client, 50_000_000)
            disk = Disk(folder / "media", 1 << 40, 0)
            blobs = await stack.enter_async_context(open_blobs(disk, sources))
            settings = AppSettings(
                "https://music.test", "1", folder, remembers_pages=False, rate_limit=limit
            )
            app = create_app(settings, pool, load_catalog(), None, blobs=blobs)
            url = await stack.enter_async_context(served(app, end))
            servers.append(await stack.enter_async_context(http_client(url, timeout=30)))
        yield Scene(world, alice, rows, host, servers)


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path) as scene:
        yield scene


async def test_a_cover_at_any_address_comes_from_us_in_three_sizes(scene: Scene) -> None:
    await scene.cover()
    urls = (await scene.views())["artwork"]
    answers = [await scene.get(urls[size]) for size in ("thumb", "medium", "full")]
    assert [shown(answer) for answer in answers] == [(128, 64), (512, 256), (1500, 750)]
    assert shown(await scene.get(urls["full"], server=1)) == (1500, 750)
    assert scene.fetches == 1


@pytest.mark.parametrize(
    ("side", "size"), [(2_000, (512, 256)), (300, (300, 150)), (3, (3, 1))], ids=range(3)
)
async def test_a_pasted_link_says_how_large_its_picture_is(
    scene: Scene, side: int, size: tuple[int, int]
) -> None:
    scene.host.files["cover.png"] = picture(side)
    await scene.cover()
    for _ in ("made", "kept"):
        answer = await scene.linked()
        assert (answer["thumbnail_width"], answer["thumbnail_height"]) == size
        assert shown(await scene.get(answer["thumbnail_url"])) == size


async def test_a_pasted_link_is_shown_without_the_picture_that_does_not_come(scene: Scene) -> None:
    await scene.cover("missing.png")
    answer = await scene.linked()
    assert answer["title"]
    assert not [name for name in answer if name.startswith("thumbnail")]


async def test_an_avatar_is_a_proven_blob(scene: Scene) -> None:
    blob = scene.alice.pds.add_blob(scene.alice.did, picture(300), "image/png")
    await scene.rows.bsky_profile(scene.alice.did, avatar_cid=str(blob["ref"]))
    await scene.rows.track(scene.alice.did)
    urls = (await scene.views())["avatar"]
    assert shown(await scene.get(urls["full"])) == (300, 150)
    assert shown(await scene.get(urls["thumb"])) == (128, 64)
    assert scene.alice.pds.times_asked(UPSTREAM) == 1


async def test_or_else_what_the_plyr_profile_says(scene: Scene) -> None:
    await scene.rows.profile(scene.alice.did, avatar=f"{scene.host.url}/cover.png")
    await scene.rows.track(scene.alice.did)
    assert shown(await scene.get((await scene.views())["avatar"]["full"])) == (1500, 750)


async def test_what_a_url_shows_never_changes(scene: Scene) -> None:
    url = await scene.cover()
    first = await scene.get(url)
    assert first.headers["cache-control"] == "public, max-age=3600, s-maxage=60"
    etag = first.headers["etag"]
    assert etag[0] == etag[-1] == '"'
    again = await scene.get(url, known=etag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    head = await scene.server.head(urlsplit(url).path)
    assert (head.status_code, head.headers["etag"]) == (200, etag)
    assert int(head.headers["content-length"]) == len(first.content)
    scene.host.files["cover.png"] = picture(colour="blue")
    assert (await scene.get(url)).content == first.content, "not even if the host has another now"
    await scene.rows.pool.execute("update track set cid = $1", cid_of({"a": "rewrite"}))
    rewritten = await scene.artwork()
    assert rewritten != url
    assert shown(await scene.get(rewritten)) == (300, 150)


async def test_strangers_pixels_run_nothing_and_may_be_drawn_by_any_page(scene: Scene) -> None:
    url = await scene.cover()
    headers = (await scene.get(url)).headers
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["access-control-allow-origin"] == "*"
    refused = await scene.get(url.replace("medium", "huge"))
    assert refused.headers["access-control-allow-origin"] == "*"
    assert refused.headers["content-type"] == "application/json"


async def test_however_many_look_at_a_cold_picture_it_costs_one_fetch(scene: Scene) -> None:
    await scene.cover()
    urls = (await scene.views())["artwork"]
    asked = [scene.get(url) for url in urls.values() for _ in range(25)]
    assert {shown(answer) for answer in await asyncio.gather(*asked)} == {
        (128, 64),
        (512, 256),
        (1500, 750),
    }
    assert scene.fetches == 1


# what may be had -----------------------------------------------------------------------------


async def is_gone(scene: Scene, url: str) -> None:
    await a_second_later()
    answer = await scene.get(url)
    assert (answer.status_code, answer.json()["error"]) == (404, "PictureNotFound")


@pytest.mark.parametrize("what", ["account", "deactivation", "record", "deletion", "rewrite"])
async def test_a_picture_goes_with_its_record_from_the_cache_too(scene: Scene, what: str) -> None:
    url = await scene.cover()
    assert (await scene.get(url)).status_code == 200
    uri = await scene.rows.pool.fetchval("select uri from track")
    match what:
        case "account":
            await scene.rows.take_down(scene.alice.did)
            await scene.rows.pool.execute("update account set taken_down = true")
        case "deactivation":
            await scene.rows.hide(scene.alice.did)
        case "record":
            await scene.rows.take_down(uri)
        case "deletion":
            await scene.rows.pool.execute("delete from track")
        case "rewrite":
            await scene.rows.pool.execute("update track set cid = $1", cid_of({"a": "rewrite"}))
    await is_gone(scene, url)


async def test_a_right_that_ends_while_the_picture_comes_has_ended(scene: Scene) -> None:
    go_on = asyncio.Event()
    scene.host.faults.on("cover.png", held(go_on))
    url = await scene.cover()
    asked = asyncio.create_task(scene.get(url))
    await wait_until(lambda: scene.fetches)
    await scene.rows.pool.execute("delete from track")
    forgotten = time.monotonic() + PERMIT_SECONDS
    await wait_until(lambda: time.monotonic() > forgotten)
    go_on.set()
    assert (await asked).status_code == 404


@pytest.mark.parametrize("whose", ["alice's", "another's"])
async def test_a_blob_that_is_taken_down_is_shown_nowhere(scene: Scene, whose: str) -> None:
    data = picture(300)
    blob = scene.alice.pds.add_blob(scene.alice.did, data, "image/png")
    cid = str(blob["ref"])
    did = scene.alice.did if whose == "alice's" else "did:plc:thief"
    scene.host.files[f"{cid}@jpeg"] = data
    await scene.rows.bsky_profile(scene.alice.did, avatar_cid=cid)
    cover = await scene.cover(f"img/avatar/plain/{did}/{cid}@jpeg")
    avatar = (await scene.views())["avatar"]["full"]
    assert shown(await scene.get(cover)) == shown(await scene.get(avatar)) == (300, 150)
    await scene.rows.take_down(f"{did}/{cid}")
    await is_gone(scene, cover)
    await is_gone(scene, avatar)
    assert "artwork" not in await scene.views()


async def test_nothing_else_is_asked_for(scene: Scene) -> None:
    """No address, size or blob of one's own choice; nor what is no path at all."""
    url = await scene.cover()
    secret = scene.alice.pds.add_blob(scene.alice.did, picture(), "image/png")["ref"]
    bob = await scene.rows.account("bob")
    path = urlsplit(url).path
    for wrong in (
        path.replace("/medium/", "/1500/"),
        path.replace(scene.alice.did, bob),
        path[:-1] + ("a" if path[-1] != "a" else "b"),
        f"/img/full/avatar/{scene.alice.did}/{secret}",
        f"/img/full/avatar/did:plc:a%00/{secret}",
        f"/img/full/avatar/{scene.alice.did}/%00",
        f"/img/full/track/{scene.alice.did}/%2e%2e/{secret}",
        f"/img/full/avatar/{scene.host.url}/cover.png",
    ):
        assert (await scene.server.get(wrong)).status_code == 404, wrong
    assert scene.fetches == 0
    assert scene.alice.pds.times_asked(UPSTREAM) == 0


# what does not come --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (status(404), 404),
        (status(403), 404),
        (status(500), 502),
        (status(429), 502),
        (endless(), 404),
        (body(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"), 404),
        (body(b"<html>", "text/html"), 404),
        (body(picture()[:200], "image/png"), 404),
        (body(b"", "image/png"), 404),
    ],
    ids=["404", "403", "500", "429", "endless", "svg", "page", "cut", "nothing"],
)
async def test_what_does_not_come_is_not_asked_for_again_at_once(
    scene: Scene, fault: Fault, code: int
) -> None:
    scene.host.faults.on("cover.png", fault)
    url = await scene.cover()
    for _ in range(3):
        answer = await scene.get(url)
        assert (answer.status_code, answer.headers["cache-control"]) == (code, "private, no-store")
        assert ("retry-after" in answer.headers) == (code == 502)
    assert scene.fetches == 1
    await scene.rows.pool.execute("update track set cid = $1", cid_of({"a": "rewrite"}))
    assert (await scene.get(await scene.artwork())).status_code == code
    assert scene.fetches == 1, "nor when another record has the same address"


async def test_a_host_that_asks_for_peace_has_it(scene: Scene) -> None:
    scene.host.files["other.png"] = picture()
    scene.host.faults.on("cover.png", status(429))
    assert (await scene.get(await scene.cover())).status_code == 502
    assert (await scene.get(await scene.cover("other.png"))).status_code == 502
    assert scene.fetches == 1


async def test_a_slow_host_is_slow_alone(scene: Scene) -> None:
    """However many of its pictures are asked for, few are at a time; others come meanwhile."""
    scene.host.files["other.png"] = picture()
    await scene.get(await scene.cover("other.png"))  # or who waits would wait for a decoder, too
    go_on = asyncio.Event()
    slow = Host()
    slow.faults.on("*", held(go_on))
    await slow.open()
    urls = []
    for number in range(40):
        await scene.rows.track(scene.alice.did, image_url=f"{slow.url}/{number}.png")
        urls.append(await scene.artwork())
    asked = [asyncio.create_task(scene.get(url)) for url in urls]
    await wait_until(lambda: len(slow.asked) == AT_ONCE_PER_HOST)
    assert shown(await scene.get(await scene.cover())) == (512, 256)
    assert len(slow.asked) == AT_ONCE_PER_HOST
    go_on.set()
    assert {(await task).status_code for task in asked} == {404}
    assert len(slow.asked) == 40
    await slow.close()


async def test_no_address_leads_into_our_own_network(pool: Pool, tmp_path: Path) -> None:
    async with staged(pool, tmp_path, reaches_private=False) as scene:
        inside = Host()
        inside.files["cover.png"] = picture()
        await inside.open()
        await scene.rows.track(scene.alice.did, image_url=f"{inside.url}/cover.png")
        assert (await scene.get(await scene.artwork())).status_code == 404
        scene.host.faults.on("cover.png", redirect(f"{inside.url}/cover.png"))
        assert (await scene.get(await scene.cover())).status_code == 404
        assert (scene.fetches, inside.asked) == (1, [])
        await inside.close()


async def test_a_pds_that_is_away_is_no_reason_to_say_that_there_is_no_picture(
    scene: Scene,
) -> None:
    scene.alice.pds.faults.on(UPSTREAM, status(500))
    blob = scene.alice.pds.add_blob(scene.alice.did, picture(), "image/png")
    await scene.rows.bsky_profile(scene.alice.did, avatar_cid=str(blob["ref"]))
    await scene.rows.track(scene.alice.did)
    answer = await scene.get((await scene.views())["avatar"]["full"])
    assert (answer.status_code, answer.json()["error"]) == (502, "UpstreamUnavailable")


# pictures in the sound -----------------------------------------------------------------------


async def test_the_cover_inside_a_song_stands_in_for_one_that_its_record_does_not_name(
    scene: Scene,
) -> None:
    await scene.song(covered("mp3", (FRONT_COVER, picture(400))))
    assert shown(await scene.get(await scene.artwork("full"))) == (400, 200)


async def test_or_for_one_that_is_not_where_the_record_says(scene: Scene) -> None:
    await scene.song(
        covered("flac", (FRONT_COVER, picture(400))), image_url=f"{scene.host.url}/gone.png"
    )
    assert shown(await scene.get(await scene.artwork("full"))) == (400, 200)
    assert scene.host.times_asked("gone.png") == 1


async def test_but_not_of_what_is_for_supporters(scene: Scene) -> None:
    await scene.song(covered("mp3", (FRONT_COVER, picture(400))), gate_type="any")
    assert "artwork" not in await scene.views()


async def test_nor_of_a_sound_that_is_taken_down(scene: Scene) -> None:
    cid = await scene.song(covered("mp3", (FRONT_COVER, picture(400))))
    url = await scene.artwork("full")
    assert (await scene.get(url)).status_code == 200
    await scene.rows.take_down(f"did:plc:thief/{cid}")
    await is_gone(scene, url)
    assert "artwork" not in await scene.views()


async def test_nor_where_the_record_names_another_that_is_not_there(scene: Scene) -> None:
    gone = f"{scene.host.url}/gone.png"
    cid = await scene.song(covered("mp3", (FRONT_COVER, picture(400))), image_url=gone)
    url = await scene.artwork("full")
    assert (await scene.get(url)).status_code == 200
    await scene.rows.take_down(f"{scene.alice.did}/{cid}")
    await a_second_later()
    assert (await scene.get(url)).status_code == 404


async def test_a_song_whose_record_is_rewritten_is_not_fetched_again_for_its_picture(
    scene: Scene,
) -> None:
    await scene.song(covered("mp3", (FRONT_COVER, picture(400))))
    first = await scene.artwork()
    assert (await scene.get(first)).status_code == 200
    await scene.rows.pool.execute("update track set cid = $1", cid_of({"a": "rewrite"}))
    second = await scene.artwork()
    assert second != first
    assert (await scene.get(second, server=1)).status_code == 200
    assert scene.alice.pds.times_asked(UPSTREAM) == 1


# who asks ------------------------------------------------------------------------------------


async def test_only_pictures_that_have_to_be_made_count_for_the_rate(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, limit=RateLimit(3, 3_000)) as scene:
        first = await scene.cover()  # and so one query
        for _ in range(5):
            assert (await scene.get(first)).status_code == 200
        scene.host.files["other.png"] = picture()
        second = await scene.cover("other.png")
        refused = await scene.get(second)
        assert (refused.status_code, refused.json()["error"]) == (429, "RateLimitExceeded")
        assert "retry-after" in refused.headers
        assert (await scene.get(first)).status_code == 200


def test_a_source_is_left_alone_for_longer_each_time() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    address = Address("https://host.test/a.png")
    waits = []
    for _ in range(12):
        failures.add(address, NotNow("away"))
        with pytest.raises(NotNow):
            failures.check(address)
        begun = now[0]
        while True:
            now[0] += 1
            try:
                failures.check(address)
            except NotNow:
                continue
            break
        waits.append(now[0] - begun)
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920, *[3600] * 4]
    failures.forget(address)
    failures.add(address, NoPicture("not there"))
    now[0] += 3_599
    with pytest.raises(NoPicture):
        failures.check(address)
    now[0] += 1
    failures.check(address)
