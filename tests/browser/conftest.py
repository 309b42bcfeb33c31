"""A browser, a running program and a world with songs in it, for each file of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.browser import chromium
from tests.browser.chromium import Browser, Tab
from tests.browser.sound import SECONDS, Form, song
from tests.databases import new_database
from tests.network import http, makers
from tests.network.http import HttpServer
from tests.network.program import Program
from tests.network.story import Stage
from tests.network.world import Person, World, Written


@dataclass(slots=True)
class Scene:
    """`elsewhere` serves an empty page, of an origin that has nothing to do with ours."""

    stage: Stage
    artist: Person
    elsewhere: str

    @property
    def program(self) -> Program:
        return self.stage.program

    async def publish(self, form: Form, seed: int) -> Song:
        data = song(form, seed)
        blob = self.artist.pds.add_blob(self.artist.did, data, form.mime_type)
        written = await self.artist.write(
            makers.track(
                f"A tone as {form.name}", audioUrl=None, audioBlob=blob, fileType=form.name,
                duration=SECONDS,
            )
        )  # fmt: skip
        await self.stage.passes()
        return Song(written, self.program.url, self.artist.did, str(blob["ref"]), data)


@dataclass(frozen=True, slots=True)
class Song:
    written: Written
    server: str
    did: str
    cid: str
    data: bytes

    @property
    def blob(self) -> str:
        return f"{self.server}/xrpc/fm.plyr.playback.getBlob?did={self.did}&cid={self.cid}"

    @property
    def page(self) -> str:
        return f"{self.server}/track/{self.did}/{self.written.rkey}"


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    program = chromium.find()
    if program is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    async with chromium.running(program, tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    async with browser.tab() as tab:
        yield tab


@pytest.fixture(scope="module")
async def scene(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    other = HttpServer()
    other.faults.on("*", http.body(b"<!doctype html><title>Elsewhere</title>", "text/html"))
    await other.open()
    async with (
        new_database(postgres_url, template) as database_url,
        World.open() as world,
        Program(world, database_url, tmp_path_factory.mktemp("program")) as program,
    ):
        stage = await Stage.start(world, program)
        yield Scene(stage, await world.person("alice"), other.url)
    await other.close()
