"""How a subscription is opened, and how soon again.

Not by the library's reconnecting, which keeps one URL for all attempts and resets its back-off as
soon as a server accepts: a stale cursor, and a hot loop against a relay that closes.
"""

import random
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from xrpc.client import GuardedClient

MAX_FRAME_BYTES = 5_000_000  # https://atproto.com/specs/sync#firehose
HEALTHY_SECONDS = 60.0
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
PING_SECONDS = 30.0


@dataclass(slots=True)
class Backoff:
    """Doubles, with jitter; starts over only after a connection that lasted a healthy minute."""

    random: random.Random
    delay: float = FIRST_DELAY_SECONDS

    def after(self, lasted_seconds: float) -> float:
        if lasted_seconds >= HEALTHY_SECONDS:
            self.delay = FIRST_DELAY_SECONDS
        current, self.delay = self.delay, min(self.delay * 2, LONGEST_DELAY_SECONDS)
        return current * (0.5 + self.random.random())


async def open_firehose(
    client: GuardedClient,
    origin: str,
    cursor: int | None,
    max_bytes: int = MAX_FRAME_BYTES,
    ping_seconds: float = PING_SECONDS,
) -> ClientConnection:
    url = f"{origin}/xrpc/com.atproto.sync.subscribeRepos"
    return await open_subscription(client, url, cursor, max_bytes, ping_seconds)


async def open_subscription(
    client: GuardedClient,
    url: str,
    cursor: int | None,
    max_bytes: int = MAX_FRAME_BYTES,
    ping_seconds: float = PING_SECONDS,
) -> ClientConnection:
    """Subscribe from after `cursor`, or from now on; the socket's address is checked as any."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    query = "" if cursor is None else f"?cursor={cursor}"
    socket = await client.open_socket(host, port, timeout_seconds=15.0)
    try:
        return await connect(
            url + query,
            sock=socket,
            ssl=ssl.create_default_context() if secure else None,
            server_hostname=host if secure else None,
            compression=None,
            proxy=None,
            max_size=max_bytes,
            max_queue=256,
            open_timeout=20.0,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            close_timeout=2.0,
        )
    except InvalidStatus as error:
        raise ConnectionRefusedError(f"HTTP {error.response.status_code}") from error
    except ValueError as error:  # a redirect: with a socket of ours the library follows none
        raise ConnectionRefusedError(str(error)) from error
