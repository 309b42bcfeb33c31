"""What a music player does in a browser, from a page of another origin than the service's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.responses import Response, StreamingResponse

from tests.browser.chromium import Tab
from tests.browser.conftest import Scene
from tests.browser.player import END, SEEK, START
from tests.browser.sound import FORMS, RATE, SECONDS, Form
from tests.network.http import Answer, Fault
from tests.support import wait_until

pytestmark = pytest.mark.browser

UPSTREAM = "com.atproto.sync.getBlob"
# Encoders pad what they cut into frames.
LENGTH = pytest.approx(SECONDS, abs=0.1)
BY_NAME = pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])

FETCH = """async (url, range) => {
    const answer = await fetch(url, range ? {headers: {range}} : {});
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const names = ['etag', 'content-range', 'accept-ranges', 'content-length'];
    return [answer.status, Array.from(bytes.slice(0, 64)), bytes.length,
        Object.fromEntries(names.map(name => [name, answer.headers.get(name)]))];
}"""
DECODE = """async url => {
    const bytes = await (await fetch(url)).arrayBuffer();
    const sound = await new OfflineAudioContext(2, 48000, 48000).decodeAudioData(bytes);
    const samples = sound.getChannelData(0);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    return [sound.duration, sound.numberOfChannels, sound.sampleRate, power];
}"""


@BY_NAME
async def test_a_song_starts_seeks_and_ends_from_a_cold_cache_and_a_warm_one(
    scene: Scene, tab: Tab, form: Form
) -> None:
    song = await scene.publish(form, seed=1)
    for _ in ("cold", "warm"):
        await tab.go(scene.elsewhere)
        assert await tab.run(START, song.blob) == LENGTH
        part, duration = await tab.run(SEEK, 0.8)
        assert part == pytest.approx(0.8, abs=0.01)
        assert duration == LENGTH
        assert await tab.run(END) == LENGTH
    assert scene.artist.pds.times_asked(UPSTREAM) == len(scene.artist.pds.blobs)
    assert tab.said == []


@BY_NAME
async def test_web_audio_decodes_what_it_fetches(scene: Scene, tab: Tab, form: Form) -> None:
    song = await scene.publish(form, seed=2)
    await tab.go(scene.elsewhere)
    for _ in ("cold", "warm"):
        duration, channels, rate, power = await tab.run(DECODE, song.blob)
        assert duration == LENGTH
        assert (channels, rate) == (2, RATE)
        assert 0.01 < power < 0.1
    assert tab.said == []


async def test_a_script_of_another_origin_reads_parts_and_knows_of_what(
    scene: Scene, tab: Tab
) -> None:
    song = await scene.publish(FORMS[1], seed=3)
    await tab.go(scene.elsewhere)
    status, first, size, headers = await tab.run(FETCH, song.blob, None)
    assert (status, bytes(first), size) == (200, song.data[:64], len(song.data))
    status, first, size, headers = await tab.run(FETCH, song.blob, "bytes=100-1099")
    assert (status, bytes(first), size) == (206, song.data[100:164], 1000)
    assert headers == {
        "etag": f'"{song.cid}"',
        "content-range": f"bytes 100-1099/{len(song.data)}",
        "accept-ranges": "bytes",
        "content-length": "1000",
    }
    assert tab.said == []


def halfway(go_on: asyncio.Event) -> Fault:
    """A PDS that stands still when half of it is told."""

    async def answered(answer: Answer) -> Response:
        whole = bytes((await answer()).body)

        async def pieces() -> AsyncIterator[bytes]:
            yield whole[: len(whole) // 2]
            await asyncio.wait_for(go_on.wait(), 60)
            yield whole[len(whole) // 2 :]

        return StreamingResponse(pieces(), headers={"content-length": str(len(whole))})

    return answered


@pytest.mark.parametrize("form", FORMS[:3], ids=[form.name for form in FORMS[:3]])
async def test_the_first_listener_hears_it_while_it_comes(
    scene: Scene, tab: Tab, form: Form
) -> None:
    song, go_on = await scene.publish(form, seed=4), asyncio.Event()
    scene.artist.pds.faults.on(UPSTREAM, halfway(go_on), times=1)
    await tab.go(scene.elsewhere)
    assert await tab.run(START, song.blob) == LENGTH
    seeking = asyncio.create_task(tab.run(SEEK, 0.8))
    await wait_until(lambda: tab.run("async () => audio.seeking"))
    go_on.set()
    part, duration = await seeking
    assert part == pytest.approx(0.8, abs=0.01)
    assert duration == LENGTH
