"""Chromium without a screen, driven over its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect

from tests.support import wait_until

Json = dict[str, Any]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-port=0",
)
START_SECONDS = 60
ANSWER_SECONDS = 60


class Refused(Exception):
    """What the page, or the protocol, answered instead."""


def find() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass(slots=True)
class Tab:
    """`said` is what the page complained of: blocked loads, failed requests, uncaught errors."""

    browser: Browser
    session: str
    said: list[str] = field(default_factory=list)

    async def send(self, method: str, **params: object) -> Json:
        return await self.browser.send(method, self.session, **params)

    async def go(self, url: str) -> None:
        """Open the page, with all that it loads."""
        loaded = self.browser.next_event(self.session, "Page.loadEventFired")
        answer = await self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise Refused(f"{url}: {answer['errorText']}")
        await asyncio.wait_for(loaded, ANSWER_SECONDS)

    async def run(self, function: str, *arguments: object) -> Any:
        """What an async JavaScript function of the page gives, as if somebody had just clicked."""
        given = ", ".join(orjson.dumps(argument).decode() for argument in arguments)
        return await self._evaluate(f"({function})({given})")

    async def run_in_frame(self, url: str, function: str) -> Any:
        """The same in the frame that shows that address, once it does."""

        async def shown() -> str | None:
            tree = (await self.send("Page.getFrameTree"))["frameTree"]
            frames = [child["frame"] for child in tree.get("childFrames", [])]
            return next((frame["id"] for frame in frames if frame["url"] == url), None)

        await wait_until(shown, ANSWER_SECONDS)
        world = await self.send("Page.createIsolatedWorld", frameId=await shown())
        return await self._evaluate(f"({function})()", contextId=world["executionContextId"])

    async def _evaluate(self, expression: str, **where: object) -> Any:
        answer = await self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
            **where,
        )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {})
            raise Refused(thrown.get("description") or str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def hear(self, method: str, params: Json) -> None:
        if method == "Log.entryAdded":
            entry = params["entry"]
            self.said.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(params["exceptionDetails"].get("text")))


@dataclass(slots=True, eq=False)
class Browser:
    connection: ClientConnection
    tabs: dict[str, Tab] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[Json]] = field(default_factory=dict)
    _awaited: dict[tuple[str, str], asyncio.Future[Json]] = field(default_factory=dict)

    async def send(self, method: str, session: str | None = None, **params: object) -> Json:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message: Json = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        await self.connection.send(orjson.dumps(message).decode())
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    def next_event(self, session: str, method: str) -> asyncio.Future[Json]:
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._awaited[session, method] = future
        return future

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """With a profile of its own: no cache that another test has filled."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        made = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        target = made["targetId"]
        attached = await self.send("Target.attachToTarget", targetId=target, flatten=True)
        tab = self.tabs[attached["sessionId"]] = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.send(f"{domain}.enable")
        try:
            yield tab
        finally:
            await self.send("Target.disposeBrowserContext", browserContextId=context)

    async def listen(self) -> None:
        async for text in self.connection:
            message = orjson.loads(text)
            if "id" in message:
                self._answer(self._answers.pop(message["id"]), message)
                continue
            session, method = message.get("sessionId", ""), message["method"]
            if session in self.tabs:
                self.tabs[session].hear(method, message["params"])
            if (awaited := self._awaited.pop((session, method), None)) and not awaited.done():
                awaited.set_result(message["params"])

    @staticmethod
    def _answer(future: asyncio.Future[Json], message: Json) -> None:
        if future.done():
            return
        if "error" in message:
            future.set_exception(Refused(str(message["error"])))
        else:
            future.set_result(message["result"])


@asynccontextmanager
async def running(program: str, folder: Path) -> AsyncIterator[Browser]:
    """A browser with an empty profile in that folder."""
    with (folder / "chromium.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        address = folder / "profile" / "DevToolsActivePort"
        await wait_until(
            lambda: address.exists() and address.read_text().count("\n"), START_SECONDS
        )
        port, path = address.read_text().split("\n")[:2]
        async with connect(
            f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None, proxy=None
        ) as connection:
            browser = Browser(connection)
            listening = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), START_SECONDS)
