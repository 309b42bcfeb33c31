"""Which repos hold our collections: asked of the relay's directory at the start and every day."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeGuard

import structlog

from indexer import cursors, metrics
from indexer.pipeline import Pipeline
from indexer.repo_state import RepoState, State
from indexer.steps import Step
from indexer.walks import describes_any
from lexicons.syntax import Did, InvalidSyntax, parse_did
from migrations.database import Pool
from xrpc.client import Unreachable
from xrpc.remote import HostBusy, Params, Remote, RemoteError
from xrpc.tasks import first_of

log = structlog.get_logger(__name__)

PAGE_REPOS = 1_000
MAX_PAGE_BYTES = 4 << 20
FALLBACK_REPOS = 10_000
DESCRIBED_AT_ONCE = 4
DESCRIBE_RETRIES = 12  # over an hour, then with everybody else the next day
AGAIN_AFTER = timedelta(days=1)
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0


class TooManyRepos(Exception):
    """The host lists more repos than may be asked one by one what they hold."""


TROUBLES = (RemoteError, Unreachable, HostBusy, TooManyRepos)
"""Of the host that is asked: it may be better another time."""


@dataclass(slots=True)
class Discovery:
    pool: Pool
    pipeline: Pipeline
    remote: Remote
    origin: str
    now: Callable[[], datetime]
    finished: bool = False
    error: str | None = None
    first_retry_seconds: float = FIRST_RETRY_SECONDS
    undescribed: set[Did] = field(default_factory=set)
    _again: asyncio.Event = field(default_factory=asyncio.Event)
    # By the fallback, since the last gap or the last time it came to its end.
    _asked: set[Did] = field(default_factory=set)

    async def run(self) -> None:
        """Discover now, then daily; a gap in the stream brings it forward, over a restart too."""
        if await cursors.has_open_gap(self.pool):
            self._again.set()
        delay, forced, retries = self.first_retry_seconds, False, 0
        while True:
            if self._again.is_set():
                self._again.clear()
                forced = True
                await self._begin_anew()
                await self.recheck_all("a gap in the stream")
            try:
                if forced or not await self.due_in_seconds():
                    await self.discover()
            except TROUBLES as error:
                self.error = str(error)
                wait = max(delay, error.seconds) if isinstance(error, HostBusy) else delay
                log.warning(
                    "discovery failed", host=self.origin, error=self.error, retry_in_seconds=wait
                )
                await asyncio.sleep(wait)
                delay = min(delay * 2, LONGEST_RETRY_SECONDS)
                continue
            self.finished, self.error = True, None
            forced, wait = bool(self.undescribed) and retries < DESCRIBE_RETRIES, delay
            retries, delay = retries + 1, min(delay * 2, LONGEST_RETRY_SECONDS)
            if not forced:
                self._forget_asked()
                retries, delay, wait = 0, self.first_retry_seconds, await self.due_in_seconds()
            await first_of(self._again, wait)

    def after_gap(self) -> None:
        self._again.set()

    async def discover(self) -> int:
        """Enter every repo not yet known as desynchronized; give how many there were."""
        started = await self.pool.fetchval("select now()")  # gaps are noted by that clock
        await self._note_begun()
        found = 0
        for collection in sorted(self.pipeline.signals):
            try:
                found += await self._discover_collection(collection)
            except RemoteError as error:
                if not _is_unserved(error):
                    raise
                log.info("no listReposByCollection here, asking repo by repo", host=self.origin)
                async for dids in self._described():
                    found += await self._enter(dids)
                if not self.undescribed:
                    self._forget_asked()
                for asked in self.pipeline.signals:
                    await self._note(asked, None, found=0)
                break
        log.info(
            "discovery finished",
            host=self.origin,
            new_repos=found,
            undescribed=len(self.undescribed),
        )
        await cursors.close_gaps(self.pool, started)
        return found

    async def recheck_all(self, reason: str) -> None:
        """Call for a walk of every repo: after a gap nobody knows what was missed.

        Who is hidden may be back; of whom walks find gone, `accounts` hears from them. And
        everybody may have another handle by now, of which no walk tells.
        """
        dids = sorted({*self.pipeline.repos, *self.pipeline.inactive})
        for start in range(0, len(dids), PAGE_REPOS):
            async with self.pipeline.desk:
                steps = [self._recheck(did, reason) for did in dids[start : start + PAGE_REPOS]]
                await self.pipeline.writer.write(steps, None)
        self.pipeline.wakes.accounts.set()

    def _recheck(self, did: Did, reason: str) -> Step:
        repo = self.pipeline.repos.get(did)
        step = Step(did=did)
        if repo is not None and repo.state is not State.GONE:
            step = self.pipeline.desynchronize(repo, reason)
        hidden = did if did in self.pipeline.inactive else None
        return replace(step, status_due=hidden, identity_due=did)

    async def _discover_collection(self, collection: str) -> int:
        """Page by page, from where an interrupted run left off."""
        cursor = await self.pool.fetchval(
            """
            select cursor from discovery
            where source = $1 and collection = $2 and finished_at is null
            """,
            self.origin,
            collection,
        )
        found = 0
        async for answer, following in self._pages(
            "com.atproto.sync.listReposByCollection", [("collection", collection)], cursor
        ):
            new = await self._enter(_dids(answer.get("repos")))
            await self._note(collection, following, found=new)
            found += new
        return found

    async def _note_begun(self) -> None:
        """Before anybody is asked: a stream that begins from now on has a gap before it."""
        await self.pool.execute(
            """
            insert into discovery (source, collection)
            select $1, collection from unnest($2::text[]) as wanted (collection)
            on conflict do nothing
            """,
            self.origin,
            sorted(self.pipeline.signals),
        )

    async def _begin_anew(self) -> None:
        self._forget_asked()
        await self.pool.execute("update discovery set cursor = null where source = $1", self.origin)

    async def _note(self, collection: str, cursor: str | None, *, found: int) -> None:
        """Write down how far we are; no cursor means to the end."""
        await self.pool.execute(
            """
            insert into discovery (source, collection, cursor, found, finished_at)
            values ($1, $2, $3, $4, case when $3::text is null then $5::timestamptz end)
            on conflict (source, collection) do update
            set cursor = excluded.cursor,
                found = discovery.found + excluded.found,
                finished_at = excluded.finished_at,
                updated_at = $5
            """,
            self.origin,
            collection,
            cursor,
            found,
            self.now(),
        )

    async def due_in_seconds(self) -> float:
        """A day after the last one, however often we were restarted since."""
        finished_at = await self.pool.fetchval(
            """
            select case when count(finished_at) = cardinality($2::text[]) then min(finished_at) end
            from discovery
            where source = $1 and collection = any($2::text[])
            """,
            self.origin,
            sorted(self.pipeline.signals),
        )
        if finished_at is None:
            return 0.0
        left: timedelta = finished_at + AGAIN_AFTER - self.now()
        return max(0.0, left.total_seconds())

    async def _described(self) -> AsyncIterator[Sequence[Did]]:
        """The fallback: list all repos of the host and ask each what it holds, but nobody twice.

        Who could not be described is among those who are asked the next time.
        """
        self.undescribed.clear()
        dids: list[Did] = []
        async for answer, _ in self._pages("com.atproto.sync.listRepos", [], None):
            dids += _dids(answer.get("repos"))
            if len(dids) > FALLBACK_REPOS:
                raise TooManyRepos(
                    f"{self.origin} serves no listReposByCollection and lists more than "
                    f"{FALLBACK_REPOS} repos: set PLYR_DISCOVERY_URL to a host that serves it"
                )
        known = self._asked.union(self.pipeline.repos)
        unknown = [did for did in dids if did not in known]
        for start in range(0, len(unknown), DESCRIBED_AT_ONCE):
            chunk = unknown[start : start + DESCRIBED_AT_ONCE]
            holds = await asyncio.gather(*(self._holds_ours(did) for did in chunk))
            yield [did for did, held in zip(chunk, holds, strict=True) if held]
            self._asked.update(did for did in chunk if did not in self.undescribed)

    def _forget_asked(self) -> None:
        self._asked.clear()
        self.undescribed.clear()

    async def _holds_ours(self, did: Did) -> bool:
        try:
            answer = await self.remote.query(
                self.origin, "com.atproto.repo.describeRepo", [("repo", did)]
            )
        except RemoteError as error:
            if error.status not in {400, 403, 404}:
                metrics.undescribed_total.inc()
                self.undescribed.add(did)
            return False  # not served: deactivated, taken down or gone
        return describes_any(answer, self.pipeline.signals)

    async def _pages(
        self, nsid: str, params: Params, cursor: str | None
    ) -> AsyncIterator[tuple[dict[str, object], str | None]]:
        """Give each page with the cursor of the next; a cursor that stands still ends the walk."""
        while True:
            more = [("cursor", cursor)] if cursor else []
            answer = await self.remote.query(
                self.origin,
                nsid,
                [*params, ("limit", str(PAGE_REPOS)), *more],
                max_bytes=MAX_PAGE_BYTES,
            )
            following = answer.get("cursor")
            if not _is_cursor(following) or following == cursor:
                following = None
            yield answer, following
            if following is None:
                return
            cursor = following

    async def _enter(self, dids: Sequence[Did]) -> int:
        async with self.pipeline.desk:
            new = [did for did in dict.fromkeys(dids) if did not in self.pipeline.repos]
            steps = [
                self.pipeline.desynchronize(RepoState(did, State.DESYNCHRONIZED), "discovered")
                for did in new
            ]
            await self.pipeline.writer.write(steps, None)
        return len(new)


def _is_unserved(error: RemoteError) -> bool:
    """A PDS passes methods that it lacks on to an AppView, and says so in several ways."""
    return error.is_not_served or error.status == 400


def _dids(repos: object) -> list[Did]:
    """DIDs of a listRepos page; what is not a DID of an active repo is passed over."""
    found = []
    for item in repos if isinstance(repos, list) else []:
        did = item.get("did") if isinstance(item, dict) else None
        try:
            found.append(parse_did(did if isinstance(did, str) else ""))
        except InvalidSyntax:
            continue
    return found


def _is_cursor(value: object) -> TypeGuard[str]:
    """Text that fits into a URL and into a row."""
    return isinstance(value, str) and 0 < len(value) <= 1_000 and value.isprintable()
