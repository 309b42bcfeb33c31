"""One repo walked: tests/network has the rest, as seen from outside."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import Response

from indexer import requests
from indexer.discovery import Discovery
from indexer.list_sums import ListSums
from indexer.repo_state import Settling, State
from indexer.spool import Spool
from indexer.walks import HEAD_MOVES, VALUE_BYTES_AT_ONCE
from indexer.writer import LOCK
from lexicons.syntax import parse_did
from tests.indexer.scene import Scene, untold
from tests.network.encoding import tid
from tests.network.http import Answer, Fault, body, endless, held, rewritten, sections, status
from tests.network.makers import playlist, track
from tests.network.repo import CommitEvent, Write
from tests.network.world import untold as untold_to_anyone
from tests.support import wait_until


async def test_a_walk_that_meets_a_new_key_looks_it_up(scene: Scene) -> None:
    alice, did = scene.alice, parse_did(scene.alice.did)
    await alice.rotate_key(told=False)
    await untold(alice, "Signed anew")
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Signed anew"}


async def test_case_58_a_commit_that_came_during_a_walk_is_chained_to_its_end(scene: Scene) -> None:
    alice, did, pipeline = scene.alice, parse_did(scene.alice.did), scene.pipeline
    await untold(alice, "Missed")
    alice.pds.stale[alice.did] = alice.repo.fork()  # the walk sees the repo as it is now
    await pipeline.writer.write([pipeline.track(did, "a test")], None)
    assert await scene.resync.claim() == did
    for seq, title in enumerate(("During the walk", "And another"), start=1):
        pipeline.offer((await untold(alice, title)).frame(seq))
        await pipeline.step()
    await scene.resync.resync(did)
    repo = pipeline.repos[did]
    assert (repo.state, repo.rev, repo.data) == (
        State.SYNCHRONIZED,
        alice.repo.rev,
        alice.repo.data.raw,
    )
    assert await scene.tracks() == {"First", "Missed", "During the walk", "And another"}
    assert await scene.tools.pool.fetchval("select count(*) from repo_queue") == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_tree_has_left_behind_does_not_come_back_during_its_walk(
    scene: Scene, *, fails: bool
) -> None:
    """Made and deleted before the walk; the stream, which lags, tells of one during it."""
    alice, did, pipeline = scene.alice, parse_did(scene.alice.did), scene.pipeline
    events: list[CommitEvent] = []
    doomed = await alice.write(track("Doomed"), told=events.append)
    await alice.delete(doomed, told=events.append)
    missed = await alice.write(track("Missed"), told=events.append)
    await pipeline.writer.write([pipeline.track(did, "a test")], None)
    assert await scene.resync.claim() == did
    pds, settling, told = alice.pds, asyncio.Event(), asyncio.Event()

    async def when_told(answer: Answer) -> Response:
        if missed.cid in pds.asked[-1].params.get("cids", []):
            settling.set()  # what is there already has been looked at
            await told.wait()
            if fails:
                return await status(500)(answer)
        return await answer()

    pds.faults.on("com.atproto.sync.getRepo", status(501, error="MethodNotImplemented"))
    pds.faults.on("com.atproto.sync.getBlocks", when_told)
    walking = asyncio.create_task(scene.resync.resync(did))
    await wait_until(settling.is_set)
    pipeline.offer(events[0].frame(1))
    await pipeline.step()
    told.set()
    await walking
    if fails:
        assert await scene.tracks() == {"First", "Doomed"}  # as far as anybody knows
    for seq, event in enumerate(events[1:], start=2):
        pipeline.offer(event.frame(seq))
        await pipeline.step()
    assert await scene.tracks() == {"First", "Missed"}


async def test_what_is_being_written_as_a_walk_ends_is_compared_with_its_tree(scene: Scene) -> None:
    alice, did, pipeline = scene.alice, parse_did(scene.alice.did), scene.pipeline
    events: list[CommitEvent] = []
    doomed = await alice.write(track("Doomed"), told=events.append)
    await alice.delete(doomed, told=events.append)
    await pipeline.writer.write([pipeline.track(did, "a test")], None)
    assert await scene.resync.claim() == did
    pipeline.offer(events[0].frame(1))
    async with scene.tools.pool.acquire() as other, other.transaction():
        await other.execute("select pg_advisory_xact_lock($1)", LOCK)
        writing = asyncio.create_task(pipeline.step())
        await wait_until(pipeline.desk.locked)
        walking = asyncio.create_task(scene.resync.resync(did))
        await wait_until(lambda: pipeline.desk._waiters)
    await asyncio.gather(writing, walking)
    pipeline.offer(events[1].frame(2))
    await pipeline.step()
    assert await scene.tracks() == {"First"}


@pytest.mark.parametrize("is_past", [False, True])
async def test_what_came_late_is_written_unless_a_walk_that_fails_is_past_it(
    scene: Scene, *, is_past: bool
) -> None:
    """The queue behind a tree may be long, and fail in the middle."""
    alice, did, pipeline = scene.alice, parse_did(scene.alice.did), scene.pipeline
    await pipeline.writer.write([pipeline.track(did, "a test")], None)
    assert await scene.resync.claim() == did
    doomed = await untold(alice, "Doomed")
    pipeline.settling[did] = Settling(doomed.rev)
    pipeline.offer(doomed.frame(1))
    await pipeline.step()
    assert await scene.tracks() == {"First"}
    if is_past:
        pipeline.repos[did] = replace(pipeline.repos[did], rev=doomed.rev)
    await scene.resync._failed(did, TimeoutError())
    assert await scene.tracks() == ({"First"} if is_past else {"First", "Doomed"})


async def test_a_walk_in_full_forgets_no_list_whose_sums_are_late(scene: Scene) -> None:
    """What a list was called before, nobody could tell us again."""
    given, pipeline, events = scene.tools, scene.pipeline, list[CommitEvent]()
    listed = await scene.alice.write(playlist(name="Named"), told=events.append)
    unnamed = {key: value for key, value in playlist().items() if key != "name"}
    await scene.alice.update(listed, unnamed, told=events.append)
    for seq, event in enumerate(events, start=1):
        pipeline.offer(event.frame(seq))
        await pipeline.step()
    await ListSums(given.pool, ()).follow()
    await given.pool.execute("update derived.list_sum set shown = 7")
    await requests.ask(given.pool, [parse_did(scene.alice.did)])
    asked = requests.Requests(given.pool, pipeline, given.resolver, given.remote, given.now)
    assert await asked.take() == 1
    await scene.walk_what_is_due()
    assert await given.pool.fetchval("select outcome from repo_request") == requests.WALKED
    assert await given.pool.fetchval("select last_name from list") == "Named"


@pytest.mark.parametrize("first", ["walk", "gap"])
async def test_a_gap_that_is_noted_as_a_walk_ends_loses_nothing_of_the_walk(
    scene: Scene, first: str
) -> None:
    """Whoever comes to the desk before what the walk found is written calls for another one."""
    alice, given, pipeline = scene.alice, scene.tools, scene.pipeline
    await untold(alice, "Missed")
    await pipeline.writer.write([pipeline.track(parse_did(alice.did), "a test")], None)
    walked = await scene.resync.claim()
    assert walked is not None
    origin = scene.world.relay.http_url
    discovery = Discovery(given.pool, pipeline, given.remote, origin, given.now)
    desk = pipeline.desk
    under_way: list[asyncio.Future[object]] = []

    async def at_the_desk(number: int) -> None:
        await wait_until(lambda: len(desk._waiters or ()) == number)

    async def begin(work: Coroutine[None, None, object], number: int) -> None:
        under_way.append(asyncio.create_task(work))
        await at_the_desk(number)

    async with desk:
        await begin(scene.resync.resync(walked), 1)
        await begin(desk.acquire(), 2)
        if first == "gap":
            await begin(discovery.recheck_all("a gap"), 3)
    await under_way[1]  # the walk has been here before it compares; it comes again to write
    if first == "walk":
        await at_the_desk(1)
        await begin(discovery.recheck_all("a gap"), 2)
    await at_the_desk(2)
    desk.release()
    await asyncio.gather(*under_way)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Missed"}


@pytest.mark.parametrize("written_before_answer", [1, 2])
async def test_who_writes_faster_than_we_walk_is_read_whole(
    scene: Scene, written_before_answer: int
) -> None:
    """Before the first answer the nodes go that it is to bring, before the second others."""
    alice, did = scene.alice, parse_did(scene.alice.did)
    many = [alice.creating(track(f"Missed {number}")) for number in range(60)]
    await alice.commit(many, told=untold_to_anyone)
    song = await alice.write(track("Missed"), told=untold_to_anyone)
    answers, title = 0, ""
    opened_before = alice.times_asked("com.atproto.sync.getRecord")

    async def meanwhile(answer: Answer) -> Response:
        nonlocal answers, title
        answers += 1
        if answers % written_before_answer == 0:
            title = f"Version {answers}"
            await alice.update(song, track(title), told=untold_to_anyone)
        return await answer()

    async def not_yet(answer: Answer) -> Response:
        """Small as her repo is, it is not taken whole at once."""
        opened = alice.times_asked("com.atproto.sync.getRecord") - opened_before
        return await (status(501)(answer) if opened <= HEAD_MOVES else answer())

    alice.pds.faults.on("com.atproto.sync.getBlocks", meanwhile)
    alice.pds.faults.on("com.atproto.sync.getRepo", not_yet)
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert scene.pipeline.repos[did].rev == alice.repo.rev
    assert await scene.tracks() == {"First", title, *(f"Missed {number}" for number in range(60))}


@pytest.mark.parametrize(
    "fault",
    [
        status(501, error="MethodNotImplemented"),
        status(500, error="InternalServerError"),
        status(400, error="RecordNotFound"),
        body(b"<html>"),
        rewritten(lambda car: next(sections(car))),
    ],
    ids=["not served", "broken", "no absence proven", "no CAR", "no blocks"],
)
async def test_a_host_whose_proofs_are_none_is_walked_as_well(scene: Scene, fault: Fault) -> None:
    alice, did = scene.alice, parse_did(scene.alice.did)
    await untold(alice, "Missed")
    alice.pds.faults.on("com.atproto.sync.getRecord", fault)
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert await scene.tracks() == {"First", "Missed"}
    assert not alice.times_asked("com.atproto.sync.getRepo")


@pytest.mark.parametrize(
    "fault",
    [status(501), endless(), body(b"<html>"), rewritten(lambda car: next(sections(car)))],
    ids=["not served", "endless", "no CAR", "no blocks"],
)
async def test_a_small_repo_that_does_not_come_whole_is_walked(scene: Scene, fault: Fault) -> None:
    alice, did = scene.alice, parse_did(scene.alice.did)
    # How many records a tree holds is guessed from its height, which its keys decide: these 60
    # and no key of the clock make one that looks small every time.
    gone = [Write("delete", path) for path in alice.ever]
    keys = [tid(1_700_000_000_000_000 + number, 0) for number in range(60)]
    many = [alice.creating(track(f"Missed {rkey}"), rkey) for rkey in keys]
    await alice.commit([*gone, *many], told=untold_to_anyone)
    alice.pds.faults.on("com.atproto.sync.getRepo", fault)
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert alice.times_asked("com.atproto.sync.getRepo") == 1
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert len(await scene.tracks()) == 60


async def test_case_67_records_larger_than_memory_is_to_hold_come_in_portions(
    scene: Scene, tmp_path: Path
) -> None:
    alice, remote = scene.alice, scene.tools.remote
    for method in ("getRecord", "getBlocks"):
        alice.pds.faults.on(f"com.atproto.sync.{method}", status(501, error="NotHere"))
    scene.resync.spool = Spool(remote, tmp_path, max_repo_bytes=64 << 20, min_free_bytes=0)
    large = [track(f"No. {number}", zebra="z" * 900_000) for number in range(20)]
    assert VALUE_BYTES_AT_ONCE < 20 * 900_000
    await alice.commit([alice.creating(each) for each in large], told=untold_to_anyone)
    await scene.pipeline.writer.write([scene.pipeline.track(parse_did(alice.did), "a test")], None)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", *(each["title"] for each in large)}


async def test_a_repo_that_has_not_moved_costs_one_question(scene: Scene) -> None:
    alice, did = scene.alice, parse_did(scene.alice.did)
    asked = len(alice.pds.asked)
    await scene.pipeline.writer.write([scene.pipeline.track(did, "a test")], None)
    await scene.walk_what_is_due()
    assert scene.pipeline.repos[did].state is State.SYNCHRONIZED
    assert [each.name for each in alice.pds.asked[asked:]] == ["com.atproto.sync.getRecord"]


async def test_a_slow_host_leaves_workers_to_others(scene: Scene) -> None:
    """However many of its repos are due, and longer than anybody's."""
    pool, pipeline, may_answer = scene.tools.pool, scene.pipeline, asyncio.Event()
    tarpit = await scene.world.another_pds()
    tarpit.faults.on("com.atproto.sync.getRecord", held(may_answer))
    stuck = [await scene.world.person(f"stuck{n}", pds=tarpit, greeted=False) for n in range(5)]
    for person in (*stuck, scene.alice):
        await scene.tools.resolver.resolve(parse_did(person.did))
        await pipeline.writer.write([pipeline.track(parse_did(person.did), "a test")], None)
    did = parse_did(scene.alice.did)
    await pool.execute("update repo set due_at = now() where did = $1", did)
    await pool.execute("update repo set due_at = '2026-01-01' where did <> $1", did)
    running = asyncio.create_task(scene.resync.run(workers=3))
    try:
        await wait_until(lambda: pipeline.repos[did].state is State.SYNCHRONIZED)
    finally:
        may_answer.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_slow_hosts_however_many_they_are_leave_a_worker_to_others(scene: Scene) -> None:
    pool, pipeline, may_answer = scene.tools.pool, scene.pipeline, asyncio.Event()
    scene.tools.remote.query_seconds = 3_600
    scene.resync.least_seconds = 0.2
    for number in range(6):
        tarpit = await scene.world.another_pds()
        tarpit.faults.on("com.atproto.sync.getRecord", held(may_answer))
        stuck = await scene.world.person(f"stuck{number}", pds=tarpit, greeted=False)
        await pipeline.writer.write([pipeline.track(parse_did(stuck.did), "a test")], None)
    did = parse_did(scene.alice.did)
    await pipeline.writer.write([pipeline.track(did, "a test")], None)
    await pool.execute("update repo set due_at = now() where did = $1", did)
    await pool.execute("update repo set due_at = '2026-01-01' where did <> $1", did)
    running = asyncio.create_task(scene.resync.run(workers=3))
    try:
        await wait_until(lambda: pipeline.repos[did].state is State.SYNCHRONIZED, 15)
        states = Counter(repo.state for repo in pipeline.repos.values())
        assert states[State.RESYNCING] <= 3, "of those that gave way another try is due"
    finally:
        may_answer.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
