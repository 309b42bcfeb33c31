"""Tasks whose outcome nobody waits for any more."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Cancel them, and wait until they have come to their ends, whichever."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
