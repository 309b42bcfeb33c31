"""The demo from the first line to the last, as somebody runs it who has nothing but the program."""

import asyncio
import io
import os
import signal
import wave
from array import array
from pathlib import Path

import httpx

from appview.demo.score import MAJOR, Style, compose
from appview.demo.sound import PEAK, RATE, render
from tests.appview.pages import Page, read_page
from tests.network.program import COMMAND, ROOT
from tests.support import http_client, wait_until

START_SECONDS = 120


async def start(folder: Path) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLYR_")}
    ours = {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "PLYR_PORT": "0"}
    # A demo that came near the bucket of a real service would tidy it up.
    ours |= {"PLYR_MEDIA_STORE": "s3://real", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with (folder.parent / "demo.err").open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            str(COMMAND), "demo", cwd=folder, env=kept | ours,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip


async def until_it_plays(process: asyncio.subprocess.Process) -> str:
    """The address that it ends its words with."""
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        async for line in process.stdout:
            if line.startswith(b"http://"):
                return line.decode().strip()
    raise AssertionError("it ended without an address")


async def read(http: httpx.AsyncClient, path: str) -> Page:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return read_page(answer.text)


async def test_the_demo_plays_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = await start(folder)
    try:
        page_url = await until_it_plays(process)
        async with http_client(follow_redirects=True, timeout=30) as http:
            page = await read(http, page_url)
            assert len(page.all("audio")) == len(page.all("li")) == 4
            origin = page_url.partition("/list/")[0]
            sound = await http.get(origin + page.all("audio")[0].attributes["src"])
            assert sound.headers["content-type"] == "audio/wav"
            with wave.open(io.BytesIO(sound.content)) as file:
                assert file.getnframes() > 30 * RATE
            picture = await http.get(origin + page.one("img").attributes["src"])
            assert picture.headers["content-type"].startswith("image/")

            async def more() -> bool:
                answer = await http.get(f"{origin}/xrpc/fm.plyr.feed.getLatest")
                return len(answer.json()["feed"]) > 4

            await wait_until(more, START_SECONDS)
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert (process.returncode, rest) == (0, b"")
    assert (tmp_path / "demo.err").read_text() == ""
    assert list(folder.iterdir()) == []


def test_a_score_is_the_same_for_the_same_seed_and_sounds_to_its_end() -> None:
    style = Style(MAJOR, (200, 200), "flute", "bell", "bass", has_drums=True)
    score = compose(style, 1)
    assert score == compose(style, 1) != compose(style, 2)
    with wave.open(io.BytesIO(render(score))) as file:
        samples = array("h", file.readframes(file.getnframes()))
        assert (file.getframerate(), file.getnchannels()) == (RATE, 2)
    assert max(map(abs, samples)) == PEAK
    quarter = len(samples) // 4
    assert all(
        max(map(abs, samples[start : start + quarter])) > PEAK / 3
        for start in range(0, len(samples) - quarter, quarter)
    )
