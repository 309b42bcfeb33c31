"""The pages of a running program, as somebody opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Tab
from tests.browser.conftest import Scene
from tests.browser.player import SEEK
from tests.browser.sound import FORMS, SECONDS
from tests.network import http, makers
from tests.network.http import HttpServer
from tests.support import wait_until

pytestmark = pytest.mark.browser

LENGTH = pytest.approx(SECONDS, abs=0.1)
KNOWN = """async () => {
    const audio = globalThis.audio = document.querySelector('audio');
    if (audio.readyState < 1) await new Promise((done, fail) => {
        audio.onloadedmetadata = done;
        audio.onerror = () => fail(Error(audio.error.message));
    });
    return [audio.duration, audio.paused, document.scripts.length];
}"""
LOOKS = "async () => getComputedStyle(document.querySelector('main')).borderRadius"


async def test_the_page_of_a_track_plays_it_without_a_script(scene: Scene, tab: Tab) -> None:
    song = await scene.publish(FORMS[1], seed=5)
    await tab.go(song.page)
    assert await tab.run(KNOWN) == [LENGTH, True, 0]
    await tab.run("async () => audio.play()")
    assert (await tab.run(SEEK, 0.8))[1] == LENGTH
    assert await tab.run(LOOKS) == "16px"
    assert tab.said == []


async def test_the_page_of_a_list_plays_each_of_its_tracks(scene: Scene, tab: Tab) -> None:
    songs = [await scene.publish(form, seed=6) for form in FORMS[1:3]]
    album = await scene.artist.write(makers.playlist([song.written for song in songs]))
    await scene.stage.passes()
    await tab.go(f"{scene.program.url}/list/{scene.artist.did}/{album.rkey}")
    played = await tab.run("""async () => {
        const lengths = [];
        for (const audio of document.querySelectorAll('audio')) {
            await audio.play();
            lengths.push(audio.duration);
            audio.pause();
        }
        return lengths;
    }""")
    assert played == [LENGTH, LENGTH]
    assert tab.said == []


@pytest.fixture
async def blog() -> AsyncIterator[HttpServer]:
    server = HttpServer()
    await server.open()
    yield server
    await server.close()


async def test_a_player_within_another_page_plays_and_the_page_itself_stays_out_of_frames(
    scene: Scene, blog: HttpServer, tab: Tab
) -> None:
    song = await scene.publish(FORMS[1], seed=7)
    answer = await scene.program.get("/oembed", [("url", song.page)])
    blog.faults.on("*", http.body(answer.json()["html"].encode(), "text/html"))
    await tab.go(blog.url)
    embedded = song.page.replace("/track/", "/embed/track/")
    assert await tab.run_in_frame(embedded, KNOWN) == [LENGTH, True, 0]
    assert tab.said == []
    await tab.run("async url => { document.querySelector('iframe').src = url }", song.page)
    await wait_until(lambda: any("frame-ancestors" in said for said in tab.said))
