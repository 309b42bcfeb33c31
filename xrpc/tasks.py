"""Tasks whose outcome nobody waits for any more, and waits that are cut short."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


async def end(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Cancel them, and wait until they have come to their ends, whichever."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def first_of(event: asyncio.Event, seconds: float) -> None:
    # Not wait_for: up to Python 3.11 that forgets a cancel that comes with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
