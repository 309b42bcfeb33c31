"""Tasks whose outcome nobody waits for any more, and waits that are cut short."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

_Asked = ParamSpec("_Asked")
_Done = TypeVar("_Done")


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


async def to_its_end(
    work: Callable[_Asked, _Done], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Done:
    """In a thread, which has ended when this has, though it be cancelled.

    What still writes to a file without a buffer as that is closed writes to whichever is opened
    next.
    """
    working = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    finally:
        await asyncio.wait({working})
