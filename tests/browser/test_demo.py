"""The demo as its last line says: opened, and listened to."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.browser.chromium import Tab
from tests.browser.player import SEEK
from tests.commands.test_demo import START_SECONDS, start, until_it_plays

pytestmark = pytest.mark.browser

LISTEN = """async () => {
    const audio = globalThis.audio = document.querySelector('audio');
    await audio.play();
    const pictures = Array.from(document.images);
    await Promise.all(pictures.map(picture => picture.decode()));
    return [audio.duration, pictures.map(picture => picture.naturalWidth)];
}"""


async def test_the_page_that_the_demo_names_shows_its_cover_and_plays(
    tab: Tab, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = await start(folder)
    try:
        await tab.go(await until_it_plays(process))
        length, widths = await tab.run(LISTEN)
        assert length > 30
        assert widths == [512]
        part, _ = await tab.run(SEEK, 0.8)
        assert part == pytest.approx(0.8, abs=0.01)
        assert tab.said == []
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), START_SECONDS)
