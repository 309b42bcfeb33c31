"""Whether blobs that did not come are gone: their PDS is asked again, ever more rarely.

The appview notes the first time that a PDS has no blob. What it does not have when it is asked
again counts as missing, until it is there or nobody names it any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from indexer import metrics
from indexer.probing import Word, again_in
from indexer.questions import Asker, Except, Question
from indexer.seldom import Seldom
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import Unreachable
from xrpc.identity import IdentityError, IdentityResolver
from xrpc.remote import HostBusy, Remote, RemoteError

log = structlog.get_logger(__name__)

ANSWER_SECONDS: Final = 10.0
LARGEST_BYTES: Final = 1 << 40
# Whoever says neither yes nor no is asked again then.
UNSURE_AGE: Final = timedelta(minutes=10)

DUE: Final = """
select missing.did, coalesce(account.pds, split_part(missing.did, ':', 3)) as host
from media.missing_blob as missing
left join account on account.did = missing.did
where due_at <= $1
  and missing.did <> all($2::text[])
  and coalesce(account.pds, split_part(missing.did, ':', 3)) <> all($3::text[])
order by due_at
limit $4
"""
FIRST: Final = """
select
    cid,
    asks,
    exists (select from track where audio_cid = missing.cid and track.did = missing.did) as is_named
from media.missing_blob as missing
where did = $1
  and due_at <= $2
order by due_at
limit 1
"""
FORGET: Final = "delete from media.missing_blob where did = $1 and cid = $2"
STORE: Final = """
update media.missing_blob
set asks = $3, asked_at = $4, due_at = $5
where did = $1 and cid = $2
"""
LATER: Final = "update media.missing_blob set due_at = $3 where did = $1 and cid = $2"


@dataclass(slots=True)
class MissingBlobs:
    pool: Pool
    resolver: IdentityResolver
    remote: Remote
    now: Callable[[], datetime]
    seldom: Seldom = field(default_factory=lambda: Seldom(log))
    asker: Asker = field(init=False)

    def __post_init__(self) -> None:
        self.asker = Asker(self._due, self.ask_for_one)

    async def _due(self, besides: Except, limit: int) -> Sequence[Question]:
        rows = await self.pool.fetch(DUE, self.now(), besides.dids, besides.hosts, limit)
        return [Question(Did(did), host) for did, host in rows]

    async def ask_for_one(self, did: Did) -> None:
        """For the blob of that account that is due for longest."""
        row = await self.pool.fetchrow(FIRST, did, self.now())
        if row is None:
            return
        cid, asks = row["cid"], row["asks"]
        word = await self._ask(did, cid, asks) if row["is_named"] else Word.OK
        if word is Word.OK:
            await self.pool.execute(FORGET, did, cid)
        elif word is Word.DEAD:
            now = self.now()
            await self.pool.execute(STORE, did, cid, asks + 1, now, now + again_in(asks + 1))
        else:
            await self.pool.execute(LATER, did, cid, self.now() + UNSURE_AGE)

    async def _ask(self, did: Did, cid: str, asks: int) -> Word:
        word = Word.OK
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._begin(did, cid, is_confirmed=asks > 1)
        except RemoteError as error:
            word = Word.DEAD if error.is_missing_blob else Word.UNSURE
        except (Unreachable, HostBusy, IdentityError, TimeoutError) as error:
            word = Word.UNSURE
            self.seldom.info("missing blob not asked for", type(error).__name__, did=did, cid=cid)
        metrics.probes_total.labels(word).inc()
        return word

    async def _begin(self, did: Did, cid: str, *, is_confirmed: bool) -> None:
        """The account may have moved: before its blob counts as missing, that is asked for anew."""
        identity = await self.resolver.resolve(did, force=not is_confirmed)
        if identity.pds is None:
            raise RemoteError(404, "BlobNotFound", f"{did} names no PDS")
        async with self.remote.download(
            identity.pds,
            "com.atproto.sync.getBlob",
            [("did", did), ("cid", cid)],
            max_bytes=LARGEST_BYTES,
            timeout_seconds=ANSWER_SECONDS,
        ):
            """That it answers is all that is asked."""
