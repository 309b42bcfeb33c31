"""What is written while the program runs."""

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.reference.agreement import agree
from tests.reference.firehose import Firehose, listening
from tests.reference.network import Network, Written
from tests.reference.population import Population
from tests.reference.program import Program
from tests.reference.records import (
    COMMENT,
    LIKE,
    LIST,
    TRACK,
    comment,
    create,
    delete,
    like,
    tid,
    track,
    track_list,
    upload_track,
)
from tests.support import wait_until

pytestmark = pytest.mark.reference

Measure = Callable[[str], None]


@pytest_asyncio.fixture
async def firehose(network: Network) -> AsyncIterator[Firehose]:
    async with listening(network) as heard:
        yield heard


async def until_shown(program: Program, record: Written) -> float:
    """The moment when the program shows this version of a track, by time.monotonic."""

    async def shown() -> bool:
        answer = await program.get("fm.plyr.feed.getTracks", uris=record.uri)
        return bool(answer["tracks"]) and answer["tracks"][0]["cid"] == record.cid

    await wait_until(shown, timeout_seconds=20)
    return time.monotonic()


async def delay(program: Program, firehose: Firehose, record: Written) -> float:
    """From the PDS's stream to an XRPC answer, in milliseconds."""
    shown_at = await until_shown(program, record)
    return max(0, shown_at - await firehose.emitted_at(record)) * 1000


def summary(delays: list[float]) -> str:
    ordered = sorted(delays)
    return f"after {ordered[len(ordered) // 2]:.0f} ms (median), {ordered[-1]:.0f} ms (worst)"


async def test_a_fresh_track_is_shown(
    program: Program, early: Population, firehose: Firehose, measure: Measure
) -> None:
    delays = []
    for number in range(10):
        written = await early.ann.create(TRACK, track(f"Fresh {number}"))
        delays.append(await delay(program, firehose, written))
    measure(f"fresh tracks shown {summary(delays)}")


async def test_a_newcomers_first_track_is_shown(
    program: Program, network: Network, firehose: Firehose, measure: Measure
) -> None:
    delays = []
    for number in range(5):
        newcomer = await network.join(f"newcomer{number}")
        delays.append(await delay(program, firehose, await upload_track(newcomer, "My first")))
    measure(f"newcomers' first tracks shown {summary(delays)}")
    await agree(program, network)


async def test_an_edit_is_shown(program: Program, early: Population) -> None:
    written = await early.ann.create(TRACK, track("Befor"))
    edited = await early.ann.put(TRACK, written.rkey, track("Before"))
    await until_shown(program, edited)


async def test_several_writes_in_one_commit_are_all_indexed(
    program: Program, network: Network, early: Population
) -> None:
    ann = early.ann
    old = await ann.create(TRACK, track("Replaced"))
    written = await ann.apply(
        delete(old),
        *(create(TRACK, tid(n), track(f"Side {n}")) for n in range(40)),
        create("fm.plyr.dev.track", tid(0), track("Elsewhere")),
    )
    assert len(written) == 42
    await agree(program, network)


async def test_likes_comments_and_lists_come_and_go(
    program: Program, network: Network, early: Population
) -> None:
    ann, ben, subject = early.ann, early.ben, early.tracks[2]
    for person in (ann, ben):
        first = await person.create(LIKE, like(subject))
        await person.create(LIKE, like(subject))
        await person.delete(first)
        said = await person.create(COMMENT, comment(subject, "live", 10))
        await person.put(COMMENT, said.rkey, comment(subject, "edited", 20))
        made = await person.create(LIST, track_list("Live", subject))
        await person.put(LIST, made.rkey, track_list("Turned round", *early.tracks[::-1]))
    await agree(program, network)


async def test_R13_a_like_of_a_track_yet_to_come_is_counted(
    program: Program, network: Network, early: Population
) -> None:
    newcomer = await network.join("tobe")
    key = tid(500)
    uri = f"at://{newcomer.did}/fm.plyr.track/{key}"
    await early.ben.create(LIKE, like(Written(uri, early.tracks[0].cid, "")))
    await newcomer.create(TRACK, track("At last"), rkey=key)
    world = await agree(program, network)
    assert uri in {record.uri for record in world.records[TRACK]}
