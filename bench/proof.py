"""From a commit's bytes to the verdict, on one core: all that is checked of it."""

import random
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from multiprocessing import get_context
from typing import Final

from bench.material import like, some_track
from bench.report import Figure, say
from indexer.events import Commit
from indexer.frames import decode_frame
from indexer.records.registry import record_types
from indexer.verify import verify_commit
from tests.indexer.signed_repo import create, make_commit_frame, make_repo, public_key
from tests.network.encoding import TidClock
from tests.network.keys import Curve
from tests.network.repo import Repo, Write
from xrpc.keys import PublicKey

REPOS = 4
COMMITS_A_REPO = 40
WRITES_AT_ONCE = 200
RUNS = 9
LIBRARIES: Final[Mapping[Curve, str]] = {"k256": "coincurve", "p256": "cryptography"}
SIZES = (50, 1_000, 10_000)

Signed = tuple[bytes, PublicKey]


async def proof() -> list[Figure]:
    say(f"# one like a commit, {REPOS * COMMITS_A_REPO} commits a run, CPU time of the process")
    return [_measured(curve, size) for size in SIZES for curve in LIBRARIES]


def _measured(curve: Curve, size: int) -> Figure:
    # In a process of its own: nothing else of the benchmark lies in its memory.
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        rates, frame_bytes = alone.submit(_rates, curve, size).result()
    library = LIBRARIES[curve]
    return Figure(
        f"proven commits, {curve}, {size:,} records",
        statistics.median(rates),
        "/s of CPU",
        goal="5,000",
        note=f"{library} {version(library)}; runs {min(rates):,.0f} to {max(rates):,.0f}; "
        f"frames of {frame_bytes:,.0f} bytes",
    )


def _rates(curve: Curve, size: int) -> tuple[list[float], float]:
    commits = [signed for number in range(REPOS) for signed in _commits(curve, size, number)]
    rates = [_rate(commits) for _ in range(RUNS)]
    return rates, statistics.mean(len(frame) for frame, _ in commits)


def _rate(commits: Sequence[Signed]) -> float:
    collections = frozenset(record_types("fm.plyr"))
    now = datetime.now(UTC) + timedelta(minutes=5)
    started = time.process_time()
    for frame, key in commits:
        event = decode_frame(frame)
        assert isinstance(event, Commit)
        verified = verify_commit(event, key, collections=collections, now=now)
        assert len(verified.ops) == 1
    return len(commits) / (time.process_time() - started)


def _commits(curve: Curve, size: int, number: int) -> list[Signed]:
    repo = make_repo(f"did:plc:{'proof' + 'abcd'[number]:a<24}", curve)
    clock, chance = TidClock(), random.Random(number)
    _grow(repo, clock, chance, size)
    return [
        (make_commit_frame(repo, _like(clock, chance)), public_key(repo))
        for _ in range(COMMITS_A_REPO)
    ]


def _grow(repo: Repo, clock: TidClock, chance: random.Random, size: int) -> None:
    """Mostly of Bluesky, as people's are."""
    for start in range(0, size, WRITES_AT_ONCE):
        names = chance.choices(
            ["app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.graph.follow", "fm.plyr.like"],
            k=min(WRITES_AT_ONCE, size - start),
        )
        repo.commit([create(f"{name}/{clock.next()}") for name in names])


def _like(clock: TidClock, chance: random.Random) -> Write:
    return create(f"fm.plyr.like/{clock.next()}", like(*some_track(chance.randrange(50))))
