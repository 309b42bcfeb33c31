"""Whether the addresses that tracks name are there: trusted hosts are asked, each at its own pace.

An origin that is trusted is no proof that something is there (R31). What is asked stands in
media.source_check, which triggers keep in step with the tracks: a new one is due, and one that
was written anew. Hosts that nobody trusts are never asked.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import structlog

from indexer import metrics
from indexer.seldom import Seldom
from migrations.database import Pool
from xrpc.client import GuardedClient, StreamedResponse, Unreachable

log = structlog.get_logger(__name__)

AT_ONCE: Final = 4
AT_ONCE_ROWS: Final = 100
POLL_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0
LARGEST_BYTES: Final = 1 << 40
LONGEST_PEACE_SECONDS: Final = 600.0
# Nobody is there: a host that lets everybody read lets this origin read too.
SOME_ORIGIN: Final = "https://listener.invalid"
# The errors in a row that make an address dead whose host says neither yes nor no.
PATIENCE: Final = 3
AGE: Final = timedelta(hours=24)
FIRST_RETRY: Final = timedelta(seconds=30)
PASSING: Final = frozenset({408, 425, 429})

DUE: Final = """
select uri, url, status, failures
from media.source_check
where host = $1
  and due_at <= $2
order by due_at
limit $3
"""

STORE: Final = """
update media.source_check
set
    status = new.status,
    ranges = $3,
    cors = $4,
    mime_type = $5,
    size = $6,
    checked_at = $7,
    failures = new.failures,
    due_at = new.due_at
from unnest($1::text[], $8::text[], $9::integer[], $10::timestamptz[])
    as new (uri, status, failures, due_at)
where source_check.uri = new.uri
  and source_check.url = $2
"""


class Word(StrEnum):
    OK = "ok"
    DEAD = "dead"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Finding:
    """`peace_seconds`: for how long the host asks to be left alone."""

    word: Word
    ranges: bool = False
    cors: bool = False
    mime_type: str | None = None
    size: int | None = None
    peace_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Before:
    uri: str
    status: str
    failures: int


@dataclass(frozen=True, slots=True)
class Probing:
    """`hosts`: those that are trusted, with a port where it is not the usual one."""

    pool: Pool
    client: GuardedClient
    hosts: frozenset[str]
    now: Callable[[], datetime]
    seldom: Seldom = field(default_factory=lambda: Seldom(log))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for host in self.hosts:
                group.create_task(self._keep_asking(host))

    async def _keep_asking(self, host: str) -> None:
        while True:
            peace_seconds = await self.ask_some(host)
            await asyncio.sleep(POLL_SECONDS if peace_seconds is None else peace_seconds)

    async def ask_some(self, host: str) -> float | None:
        """Ask for what is due, each address once; None if nothing is, else how long to rest."""
        rows = await self.pool.fetch(DUE, host, self.now(), AT_ONCE_ROWS)
        named: dict[str, list[Before]] = defaultdict(list)
        for row in rows:
            named[row["url"]].append(Before(row["uri"], row["status"], row["failures"]))
        if not named:
            return None
        urls = list(named)[:AT_ONCE]
        findings = await asyncio.gather(*(self._probe(url) for url in urls))
        for url, finding in zip(urls, findings, strict=True):
            await self._store(url, named[url], finding)
        return max(finding.peace_seconds for finding in findings)

    async def _probe(self, url: str) -> Finding:
        try:
            finding = await probe(self.client, url)
        except Unreachable as error:
            host = urlsplit(url).netloc
            self.seldom.info(
                "source not reached", error.reason, host=host, error=error.detail[:300]
            )
            finding = Finding(Word.UNSURE)
        metrics.probes_total.labels(finding.word).inc()
        return finding

    async def _store(self, url: str, named: list[Before], finding: Finding) -> None:
        now = self.now()
        verdicts = [verdict(before, finding.word) for before in named]
        await self.pool.execute(
            STORE,
            [before.uri for before in named],
            url,
            finding.ranges,
            finding.cors,
            finding.mime_type,
            finding.size,
            now,
            [status for status, _ in verdicts],
            [failures for _, failures in verdicts],
            [now + again_in(failures) for _, failures in verdicts],
        )


def verdict(before: Before, word: Word) -> tuple[str, int]:
    """The status now, and how many times in a row it was not ok."""
    if word is Word.OK:
        return "ok", 0
    failures = before.failures + 1
    is_dead = word is Word.DEAD or failures >= PATIENCE
    return "dead" if is_dead else before.status, failures


def again_in(failures: int) -> timedelta:
    age = AGE if not failures else min(AGE, FIRST_RETRY * 4 ** min(failures - 1, 10))
    return age * random.uniform(0.8, 1.2)  # noqa: S311 - jitter


async def probe(client: GuardedClient, url: str) -> Finding:
    """Ask for the first two bytes, as players do; raises Unreachable.

    A redirect is followed by nobody here: where it leads, no trusted host has said.
    """
    async with client.stream(
        url,
        max_bytes=LARGEST_BYTES,
        timeout_seconds=ANSWER_SECONDS,
        headers={"range": "bytes=0-1", "origin": SOME_ORIGIN},
    ) as response:
        return finding(response)


def finding(response: StreamedResponse) -> Finding:
    status, headers = response.status, response.headers
    if status in PASSING or status >= 500:
        return Finding(Word.UNSURE, peace_seconds=_peace(headers))
    mime_type = headers.get("content-type", "").partition(";")[0].strip().lower()[:100]
    if status not in {200, 206} or not _may_be_sound(mime_type):
        return Finding(Word.DEAD)
    unit, _, total = headers.get("content-range", "").partition("/")
    has_ranges = status == 206 and unit.strip().lower().startswith("bytes 0-")
    size = _number(total) if has_ranges else response.size
    if size == 0:
        return Finding(Word.DEAD)
    return Finding(
        Word.OK,
        has_ranges,
        headers.get("access-control-allow-origin") in {"*", SOME_ORIGIN},
        mime_type or None,
        size,
    )


def _may_be_sound(mime_type: str) -> bool:
    """Some hosts answer anything with a page of theirs."""
    return mime_type in {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/ogg",
    } or (mime_type.startswith(("audio/", "video/")))


def _peace(headers: Mapping[str, str]) -> float:
    seconds = _number(headers.get("retry-after", ""))
    return min(float(seconds or 0), LONGEST_PEACE_SECONDS)


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
