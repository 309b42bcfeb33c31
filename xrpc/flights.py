"""One question at a time of a kind, however many wait for its answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from xrpc.tasks import end

_Found = TypeVar("_Found")


class Flights:
    """Who gives up waiting does not take the answer from the others."""

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[object]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._tasks

    async def join(self, key: object, ask: Callable[[], Awaitable[_Found]]) -> _Found:
        return await asyncio.shield(self.start(key, ask))

    def start(self, key: object, ask: Callable[[], Awaitable[_Found]]) -> "asyncio.Task[_Found]":
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(ask))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return task  # type: ignore[return-value]  # a key is always asked the same way

    def _landed(self, key: object, task: "asyncio.Task[object]") -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # of a refresh behind the scenes nobody else takes notice

    async def cancel(self) -> None:
        await end(self._tasks.values())


async def _run(ask: Callable[[], Awaitable[_Found]]) -> _Found:
    return await ask()
