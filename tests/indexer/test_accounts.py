"""Questions beside the stream, and words of the stream that come while they are asked."""

import asyncio
from dataclasses import replace

import orjson
import pytest
from starlette.responses import Response

from indexer.accounts import RECOUNT_ROWS
from indexer.questions import AT_ONCE_PER_HOST
from indexer.repo_state import State
from indexer.rows import LOCK
from indexer.service import build_accounts
from indexer.steps import AccountStatus, Step
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, change, index, like, uri
from tests.indexer.scene import Scene, untold
from tests.network.http import Answer, body, held
from tests.network.repo import account_event, identity_event
from tests.support import wait_until


class Slow:
    """Answers as things stood when it was asked, but not before it may."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, answer: Answer) -> Response:
        response = await answer()
        self.asked.set()
        await self.may_answer.wait()
        return response


async def test_an_answer_that_the_stream_overtook_hides_nobody(scene: Scene) -> None:
    """Who moves is deactivated here and active there within a second."""
    alice, pipeline, pool = scene.alice, scene.pipeline, scene.tools.pool
    accounts, slow = build_accounts(scene.tools, pipeline), Slow()
    scene.world.pdses[0].faults.on("com.atproto.sync.getRepoStatus", slow, times=1)
    await alice.become("deactivated", told=False)
    pipeline.offer(account_event(alice.did, active=False, status="deactivated").frame(1))
    await pipeline.step()
    asking = asyncio.create_task(accounts.confirm_status(parse_did(alice.did)))
    await slow.asked.wait()
    await alice.become("active", told=False)
    pipeline.offer(account_event(alice.did, active=True).frame(2))
    await pipeline.step()
    slow.may_answer.set()
    await asking
    assert await pool.fetchval("select active from account where did = $1", alice.did)
    while await accounts.ask_what_is_due():
        pass
    assert await pool.fetchval("select active from account where did = $1", alice.did)


async def test_an_identity_event_that_comes_during_the_question_is_asked_for_again(
    scene: Scene,
) -> None:
    alice, pipeline, pool = scene.alice, scene.pipeline, scene.tools.pool
    accounts, slow = build_accounts(scene.tools, pipeline), Slow()
    while await accounts.ask_what_is_due():
        pass
    scene.world.directory.faults.on(alice.did, slow, times=1)
    asking = asyncio.create_task(accounts.refresh_identity(parse_did(alice.did)))
    await slow.asked.wait()
    await alice.rename("renamed.test", told=False)
    pipeline.offer(identity_event(alice.did).frame(1))
    await pipeline.step()
    slow.may_answer.set()
    await asking
    while await accounts.ask_what_is_due():
        pass
    handle = await pool.fetchval("select handle from account where did = $1", alice.did)
    assert handle == "renamed.test"


NO_SAVING = """
create function refuse() returns trigger language plpgsql as $$
begin
    raise exception 'busy' using errcode = 'deadlock_detected';
end $$;
create trigger refuse before update of signing_key on account
for each row execute function refuse();
"""


@pytest.mark.parametrize("change", ["a new key", "a tombstone"])
async def test_what_became_of_an_identity_is_asked_again_soon_if_it_could_not_be_saved(
    scene: Scene, change: str
) -> None:
    alice, accounts = scene.alice, build_accounts(scene.tools, scene.pipeline)
    pool, did = scene.tools.pool, parse_did(alice.did)
    known = await pool.fetchval("select signing_key from account")
    await pool.execute(NO_SAVING)
    await alice.rotate_key("p256", told=False)
    if change == "a tombstone":
        scene.world.directory.tombstoned.add(alice.did)
    await accounts.refresh_identity(did)
    assert await pool.fetchval("select signing_key from account") == known
    assert await pool.fetchval("select identity_due_at < now() + interval '1 minute' from account")
    await pool.execute("drop trigger refuse on account")
    await accounts.refresh_identity(did)
    assert await pool.fetchval("select signing_key from account") != known


async def test_a_repo_that_its_host_calls_active_and_does_not_have_is_not_hammered(
    scene: Scene,
) -> None:
    """Walk, gone, active, walk again: each round is later than the one before."""
    accounts = build_accounts(scene.tools, scene.pipeline)
    pool, did = scene.tools.pool, scene.alice.did
    dues = []
    for _ in range(3):
        await pool.execute("update repo set due_at = now() where did = $1", did)
        async with scene.pipeline.desk:
            repo = scene.pipeline.repos[parse_did(did)]
            step = scene.pipeline.desynchronize(repo, "again")
            await scene.pipeline.writer.write([step], None)
        assert await scene.resync.claim() == did
        del scene.resync._walking[parse_did(did)]
        await scene.resync._gone(parse_did(did), "RepoNotFound")
        await accounts.confirm_status(parse_did(did))
        dues.append(
            await pool.fetchval(
                "select extract(epoch from due_at - now())::float from repo where did = $1", did
            )
        )
    assert dues[0] <= 0 < dues[1] < dues[2]


async def test_a_slow_host_delays_no_other_question(scene: Scene) -> None:
    """However many of its accounts are asked about: neither other hosts nor other questions."""
    pool, may_answer = scene.tools.pool, asyncio.Event()
    tarpit = await scene.world.another_pds()
    tarpit.faults.on("com.atproto.sync.getRepoStatus", held(may_answer))
    stuck = [await scene.world.person("stuck", pds=tarpit, greeted=False) for _ in range(40)]
    await pool.executemany(
        """
        insert into account (did, pds, status_due_at, identity_due_at)
        values ($1, $2, now() - interval '1 hour', now() + interval '1 hour')
        """,
        [(person.did, tarpit.url) for person in stuck],
    )
    alice = scene.alice
    await alice.become("deactivated", told=False)
    await alice.rename("renamed.test", told=False)
    await pool.execute(
        "update account set status_due_at = now(), identity_due_at = now() where did = $1",
        alice.did,
    )

    async def is_answered() -> bool:
        row = await pool.fetchrow("select active, handle from account where did = $1", alice.did)
        return row is not None and tuple(row) == (False, "renamed.test")

    running = asyncio.create_task(build_accounts(scene.tools, scene.pipeline).run())
    try:
        await wait_until(is_answered)
        assert tarpit.times_asked("com.atproto.sync.getRepoStatus") <= AT_ONCE_PER_HOST
    finally:
        may_answer.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


DUE = "select due_at <= now() from repo where did = $1 and state = 'desynchronized'"


async def test_a_throttled_account_is_walked_again_when_its_host_serves_it_again(
    scene: Scene,
) -> None:
    pipeline, did = scene.pipeline, parse_did(scene.alice.did)
    throttled = {"did": did, "active": True, "status": "throttled"}
    answer = body(orjson.dumps(throttled), "application/json")
    scene.world.pdses[0].faults.on("com.atproto.sync.getRepoStatus", answer)
    gone = replace(pipeline.repos[did], state=State.GONE)
    pipeline.repos[did] = gone
    await pipeline.writer.write([Step(did=did, repo=gone)], None)
    await build_accounts(scene.tools, pipeline).confirm_status(did)
    assert await scene.tools.pool.fetchval(DUE, did)


@pytest.mark.parametrize("told", ["by the relay", "by its host"])
async def test_who_comes_back_is_walked_at_once_however_often_walks_failed(
    scene: Scene, told: str
) -> None:
    """Before, there was nothing to be had: that it failed says nothing of now."""
    pipeline, pool, did = scene.pipeline, scene.tools.pool, parse_did(scene.alice.did)
    away = AccountStatus(did, "deactivated", active=False)
    pipeline.note_status(did, shown=False)
    broken = pipeline.desynchronize(pipeline.repos[did], "its walk failed")
    await pipeline.writer.write([broken, Step(did=did, account=away)], None)
    await pool.execute(
        "update repo set due_at = now() + interval '1 hour', attempts = 7 where did = $1", did
    )
    if told == "by the relay":
        pipeline.offer(account_event(did, active=True).frame(1))
        await pipeline.step()
    else:
        await build_accounts(scene.tools, pipeline).confirm_status(did)
    assert await pool.fetchval(DUE, did)
    assert await pool.fetchval("select attempts from repo where did = $1", did) == 0


async def test_who_says_again_that_it_is_active_hurries_nothing(scene: Scene) -> None:
    pipeline, pool, did = scene.pipeline, scene.tools.pool, parse_did(scene.alice.did)
    await pipeline.writer.write([pipeline.desynchronize(pipeline.repos[did], "it failed")], None)
    await pool.execute("update repo set due_at = now() + interval '1 hour' where did = $1", did)
    pipeline.offer(account_event(did, active=True).frame(1))
    await pipeline.step()
    assert not await pool.fetchval(DUE, did)


LIKES = 3_000


async def test_the_stream_has_its_turn_between_two_chunks_of_a_large_account(scene: Scene) -> None:
    """Both wait for the lock, the first chunk in front: transactions tell who came when."""
    accounts, pool = build_accounts(scene.tools, scene.pipeline), scene.tools.pool
    tracks = [uri(ALICE, "track", number) for number in range(LIKES)]
    await index(pool, *(change(like(each), did=BOB, key=n) for n, each in enumerate(tracks)))
    scene.pipeline.offer((await untold(scene.alice, "Between")).frame(1))

    async def followed() -> None:
        while await accounts.recount():
            pass

    await pool.execute("update account set upstream_active = false where did = $1", BOB)
    async with asyncio.TaskGroup() as group, pool.acquire() as holder, holder.transaction():
        await holder.execute("select pg_advisory_xact_lock($1)", LOCK)
        for number, work in enumerate((followed(), scene.pipeline.step()), start=1):
            group.create_task(work)
            await wait_until(lambda: is_queue_of(pool, number))  # noqa: B023
    chunks = [
        row[0] for row in await pool.fetch("select distinct xmin::text::bigint from subject_count")
    ]
    between = await pool.fetchval("select xmin::text::bigint from track where title = 'Between'")
    assert len(chunks) == LIKES / RECOUNT_ROWS
    assert sorted([*chunks, between]).index(between) == 1
    assert await pool.fetchval("select sum(likes) from subject_count") == 0


async def is_queue_of(pool: Pool, number: int) -> bool:
    found: bool = await pool.fetchval(
        """
        select count(*) = $1
        from pg_locks
        join pg_database on pg_database.oid = pg_locks.database
        where locktype = 'advisory' and not granted and datname = current_database()
        """,
        number,
    )
    return found
