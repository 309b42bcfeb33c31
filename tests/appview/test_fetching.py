"""Pictures at anybody's address, and hosts that never give them."""

import asyncio
import time

from appview.pictures.fetching import AT_ONCE, AT_ONCE_PER_HOST, Fetching
from tests.support import wait_until
from tests.xrpc.people import ALICE
from tests.xrpc.tarpits import staged
from xrpc.places import Places
from xrpc.remote import Remote
from xrpc.tasks import end

NAMES = AT_ONCE // AT_ONCE_PER_HOST


async def test_hosts_that_never_answer_hold_up_no_picture_of_others() -> None:
    async with staged(NAMES + 1) as stage:
        remote = Remote(stage.client, time.monotonic)
        fetching = Fetching(remote, places=Places(AT_ONCE, 0.2))
        stuck = [
            asyncio.create_task(fetch(fetching, f"{name}/{number}"))
            for name in stage.tarpits
            for number in range(AT_ONCE_PER_HOST)
        ]
        await wait_until(lambda: len(fetching._hosts) == NAMES + 1)
        picture = await fetch(fetching, f"http://friend.com:{stage.friend.port}/picture")
        assert picture == ALICE.encode()
        assert sum(one.done() for one in stuck) <= 2 * AT_ONCE_PER_HOST
        await end(stuck)


async def fetch(fetching: Fetching, url: str) -> bytes:
    async with fetching.fetched(url) as file:
        file.seek(0)
        return file.read()
