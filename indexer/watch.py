"""Notice what the relay does not tell us: silence proves nothing, since nights are quiet.

A few repos are asked now and then what their last commit is, as are those of which a frame was
refused unproven; and where a second relay is set its events are compared with ours. What was
missed is walked; the stream itself stays as it is.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import structlog
from websockets.exceptions import WebSocketException

from indexer import metrics
from indexer.events import Rejected
from indexer.frames import peek
from indexer.pipeline import Pipeline
from indexer.questions import Asker, Except, Question
from indexer.repo_state import State, is_stale
from indexer.steps import Step
from indexer.subscribing import Backoff, open_firehose
from indexer.verify import FUTURE_REV_TOLERANCE
from lexicons.syntax import Did, InvalidSyntax, Tid, parse_did, parse_tid, tid_micros
from xrpc.client import GuardedClient, Unreachable
from xrpc.identity import IdentityError, IdentityResolver
from xrpc.remote import HostBusy, Remote, RemoteError

log = structlog.get_logger(__name__)

SAMPLED_REPOS = 8
GRACE = timedelta(seconds=30)
EXPECTED_AT_MOST = 10_000
ALARMS_APART = timedelta(hours=1)
ALARMS_OF_ONE_HOST_APART = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Told:
    """A rev, and when the first relay is to have told it too."""

    rev: str
    due: datetime


@dataclass(slots=True)
class Expected:
    """Of what the second relay tells of a repo, the first that was not looked for yet and the last.

    Those between need no look: whoever has the last has them, or a break in the chain.
    """

    first: Told
    last: Told


@dataclass(slots=True)
class Watch:
    pipeline: Pipeline
    resolver: IdentityResolver
    remote: Remote
    client: GuardedClient
    second_origin: str | None
    sample_seconds: int
    now: Callable[[], datetime]
    on_gap: Callable[[], None]
    _expected: dict[Did, Expected] = field(default_factory=dict)
    _alarmed_by: dict[str, datetime] = field(default_factory=dict)
    _doubter: Asker = field(init=False)

    def __post_init__(self) -> None:
        self._doubter = Asker(self._due_doubts, self.look_into)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sample_now_and_then())
            group.create_task(self._doubter.run())
            if self.second_origin is not None:
                group.create_task(self._listen(self.second_origin))
                group.create_task(self._compare_now_and_then())

    # samples ----------------------------------------------------------------------------------

    async def _sample_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.sample_seconds)
            await self.sample()

    async def sample(self) -> int:
        """Ask a few repos, those that wrote last before others; give how many we were blind to.

        One that was kept from us means that others were: then every repo is asked. But a host may
        claim what it likes, and one that the relay does not carry is ahead for ever.
        """
        ahead: list[str] = []
        for did in self._chosen():
            host = await self._host_ahead(did)
            if host is not None:
                ahead.append(host)
                await self._missed(did, "a sample")
        if ahead:
            log.warning("the relay is blind to us", repos_missed=len(ahead), sampled=SAMPLED_REPOS)
            self._alarm(ahead)
        return len(ahead)

    def _alarm(self, hosts: Sequence[str]) -> None:
        now = self.now()
        recent = {
            host: moment
            for host, moment in self._alarmed_by.items()
            if now - moment < ALARMS_OF_ONE_HOST_APART
        }
        last = max(recent.values(), default=None)
        if set(hosts) <= recent.keys() or (last is not None and now - last < ALARMS_APART):
            return
        self._alarmed_by = recent | dict.fromkeys(hosts, now)
        self.on_gap()

    def _chosen(self) -> list[Did]:
        repos = [repo for repo in self.pipeline.repos.values() if repo.state is State.SYNCHRONIZED]
        repos.sort(key=lambda repo: repo.rev or "", reverse=True)
        recent = [repo.did for repo in repos[: SAMPLED_REPOS // 2]]
        others = [repo.did for repo in repos[SAMPLED_REPOS // 2 :]]
        drawn = random.sample(others, min(len(others), SAMPLED_REPOS // 2))
        return recent + drawn

    async def _host_ahead(self, did: Did) -> str | None:
        """Its host, if that has a commit that is old enough to have come over the stream."""
        latest = await self._latest(did)
        if latest is None:
            return None  # what cannot be asked is no sign of blindness
        host, rev = latest
        return host if self._is_missing(did, rev) and self._age(rev) > GRACE else None

    async def _latest(self, did: Did) -> tuple[str, Tid] | None:
        """Its host and the rev of its last commit there; None where they cannot be had."""
        try:
            identity = await self.resolver.resolve(did)
            if identity.pds is None:
                return None
            answer = await self.remote.query(
                identity.pds, "com.atproto.sync.getLatestCommit", [("did", did)]
            )
            return identity.pds, parse_tid(str(answer.get("rev")))
        except (IdentityError, RemoteError, HostBusy, Unreachable, InvalidSyntax):
            return None

    def _age(self, rev: Tid) -> timedelta:
        return timedelta(seconds=self.now().timestamp() - tid_micros(rev) / 1e6)

    def _is_missing(self, did: Did, rev: str) -> bool:
        repo = self.pipeline.repos.get(did)
        if repo is None:
            return True
        return repo.state is State.SYNCHRONIZED and not is_stale(repo, rev)

    async def _missed(self, did: Did, noticed_by: str) -> None:
        metrics.blind_total.labels(noticed_by).inc()
        async with self.pipeline.desk:
            step = self.pipeline.track(did, f"a commit was kept from us, noticed by {noticed_by}")
            await self.pipeline.writer.write([step], None)

    # doubts -----------------------------------------------------------------------------------

    async def _due_doubts(self, besides: Except, limit: int) -> Sequence[Question]:
        questions = (
            Question(did, self._host(did)) for did in self.pipeline.doubts.due(besides.dids)
        )
        return list(islice((each for each in questions if each.host not in besides.hosts), limit))

    def _host(self, did: Did) -> str:
        identity = self.resolver.cached(did)
        return (identity and identity.pds) or did.split(":")[2]

    async def look_into(self, did: Did) -> None:
        """Walk a repo whose host is ahead of us: nothing that is not proven moves its state."""
        doubts, repo = self.pipeline.doubts, self.pipeline.repos.get(did)
        if repo is not None and repo.state in {State.RESYNCING, State.WAITING}:
            doubts.put_off(did)
            return
        if repo is not None and repo.state is State.SYNCHRONIZED:
            doubts.begin_look(did)
            latest = await self._latest(did)
            if latest is None:
                doubts.note(did)
            elif self._is_missing(did, latest[1]):
                await self._missed(did, "a refused frame")
        else:
            doubts.drop(did)  # the walk that is due looks deeper
        async with self.pipeline.desk:
            if did not in doubts and did in self.pipeline.repos:
                await self.pipeline.writer.write([Step(did=did, doubted=False)], None)

    # a second relay ---------------------------------------------------------------------------

    async def _listen(self, origin: str) -> None:
        backoff = Backoff(random.Random())  # noqa: S311 - spreads reconnects, guards nothing
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                async with await open_firehose(self.client, origin, None) as socket:
                    log.info("second relay connected", host=origin)
                    async for frame in socket:
                        if isinstance(frame, bytes):
                            self.expect(frame)
                error = "closed"
            except (OSError, WebSocketException, Unreachable, TimeoutError, Rejected) as caught:
                error = str(caught)
            delay = backoff.after(loop.time() - started)
            log.warning(
                "second relay disconnected", host=origin, error=error, retry_in_seconds=delay
            )
            await asyncio.sleep(delay)

    def expect(self, frame: bytes) -> None:
        """Note a commit that concerns us: the first relay has to tell of it within the grace."""
        seen = peek(frame, self.pipeline.signals)
        rev = seen.payload.get("rev")
        if not isinstance(rev, str) or seen.did is None:
            return
        if not (seen.touches or seen.did in self.pipeline.repos):
            return
        try:
            did = parse_did(seen.did)
            age = self._age(parse_tid(rev))
        except InvalidSyntax:
            return
        if age < -FUTURE_REV_TOLERANCE:
            return  # the first relay's would be refused
        told = Told(rev, self.now() + GRACE)
        if (expected := self._expected.get(did)) is not None:
            expected.last = told
        elif len(self._expected) < EXPECTED_AT_MOST:
            self._expected[did] = Expected(told, told)

    async def _compare_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(GRACE.total_seconds() / 3)
            await self.compare()

    async def compare(self) -> int:
        """Walk the repos of which only the second relay told; give how many there were."""
        now = self.now()
        due = [(did, each) for did, each in self._expected.items() if each.first.due <= now]
        missed = 0
        for did, expected in due:
            told = expected.last if expected.last.due <= now else expected.first
            if told is expected.last:
                del self._expected[did]
            else:
                expected.first = expected.last
            if self._is_missing(did, told.rev):
                missed += 1
                await self._missed(did, "the second relay")
        if missed:
            log.warning("the relay keeps commits from us", repos_missed=missed)
        return missed
