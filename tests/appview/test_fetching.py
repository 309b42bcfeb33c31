"""Pictures at anybody's address, and hosts that never give them."""

import asyncio
import time
from contextlib import suppress

from appview.pictures.fetching import AT_ONCE, AT_ONCE_PER_HOST, Fetching
from tests.support import wait_until
from tests.xrpc.test_tarpits import staged
from xrpc.client import Unreachable
from xrpc.places import Places
from xrpc.remote import Remote
from xrpc.tasks import end

NAMES = AT_ONCE // AT_ONCE_PER_HOST


async def test_hosts_that_never_answer_hold_up_no_picture_of_others() -> None:
    async with staged() as stage:
        # Hosts are told apart by the names that records have.
        remote = Remote(stage.client, time.monotonic)
        fetching = Fetching(remote, places=Places(AT_ONCE, 0.2))
        stuck = [
            asyncio.create_task(fetch(fetching, f"{stage.client.routes[name]}/{number}"))
            for name in list(stage.client.routes)[: NAMES + 1]
            for number in range(AT_ONCE_PER_HOST)
        ]
        await wait_until(lambda: len(fetching._hosts) == NAMES + 1)
        await fetch(fetching, f"{stage.client.routes['https://friend.com']}/picture")
        assert sum(one.done() for one in stuck) <= 2 * AT_ONCE_PER_HOST
        await end(stuck)


async def fetch(fetching: Fetching, url: str) -> None:
    with suppress(Unreachable, TimeoutError):
        async with fetching.fetched(url) as file:
            assert file.fileno()
