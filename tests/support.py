"""What several folders of tests share."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]], timeout_seconds: float = 10
) -> None:
    """Return as soon as the predicate (plain or async) is true."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout_seconds} s: {predicate}")
        await asyncio.sleep(0.01)
