"""What every query is given: the settings it may read and the things it may use."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from appview.census import Census
from appview.media.blobs import Blobs
from appview.rules import Trust
from lexicons.syntax import Did
from migrations.database import Pool
from migrations.runner import Connection
from xrpc.caller_rates import CallerRates
from xrpc.keys import PublicKey
from xrpc.rate_limit import RateLimit

# A query is planned once for all arguments: how long an array is, is not worth planning for anew.
SNAPSHOT = """
begin isolation level repeatable read read only;
set local plan_cache_mode = force_generic_plan
"""

REPO_REQUESTS_PER_SECOND = 1 / 6
REPO_REQUESTS_BURST = 10


@dataclass(frozen=True, slots=True)
class AppSettings:
    origin: str
    version: str
    data_dir: Path
    min_free_bytes: int = 2 << 30
    namespace: str = "fm.plyr"
    trusted_media_hosts: frozenset[str] = frozenset({"audio.plyr.fm"})
    remembers_pages: bool = True
    answer_seconds: float = 10.0
    rate_limit: RateLimit | None = None
    max_subscribers: int = 1_000
    max_subscribers_per_caller: int = 20
    service_key: PublicKey | None = None
    labelers: tuple[Did, ...] = ()

    @property
    def service_did(self) -> Did:
        # did:web writes the colon before a port as %3A.
        return Did("did:web:" + urlsplit(self.origin).netloc.replace(":", "%3A"))


@dataclass(frozen=True, slots=True)
class AppContext:
    settings: AppSettings
    pool: Pool
    trust: Trust
    blobs: Blobs | None = None
    census: Census = field(default_factory=Census)
    repo_requests: CallerRates = field(
        default_factory=lambda: CallerRates(
            REPO_REQUESTS_PER_SECOND, REPO_REQUESTS_BURST, time.monotonic
        )
    )

    @property
    def max_blob_bytes(self) -> int | None:
        """What is larger is not served here; None where nothing was set."""
        return None if self.blobs is None else self.blobs.sources.max_blob_bytes


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """For a query of several statements, which must all see the same moment."""
    async with pool.acquire() as connection:
        await connection.execute(SNAPSHOT)
        try:
            yield connection
        finally:
            await connection.execute("commit")
