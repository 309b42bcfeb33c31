"""What strangers put into their DID documents and answers stops nobody."""

import asyncio
from collections import Counter
from dataclasses import replace

import orjson
import pytest
from structlog.testing import capture_logs

from indexer.repo_state import RepoState, State
from indexer.requests import LOOKS_AT_ONCE, NOTHING_HERE, Requests, ask
from indexer.seldom import LINES_A_PERIOD
from indexer.service import build_accounts
from indexer.steps import QueuedFrame, Step
from indexer.walks import Truncated
from lexicons.syntax import parse_did
from tests.indexer.scene import Scene, untold
from tests.network.http import body, held, status
from tests.support import wait_until


@pytest.mark.parametrize("host", ["a\0b.test", "a\x01b.test", "a b.test", "[::1", "x" * 1000])
async def test_an_odd_pds_in_a_document_is_no_pds(scene: Scene, host: str) -> None:
    bob = await scene.world.person("bob")
    service = {
        "id": "#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": f"https://{host}",
    }
    bob.account.document = {"service": [service]}
    scene.pipeline.offer((await untold(bob, "From nowhere")).frame(1))
    await scene.pipeline.step()
    accounts = build_accounts(scene.tools, scene.pipeline)
    await accounts.ask_what_is_due()
    await accounts.refresh_identity(parse_did(bob.did))
    await scene.walk_what_is_due()
    assert "From nowhere" in await scene.tracks()


async def test_a_commit_refused_for_want_of_a_key_is_fetched_later(scene: Scene) -> None:
    alice, pipeline = scene.alice, scene.pipeline
    did = parse_did(alice.did)
    alice.account.document = {"verificationMethod": []}
    await scene.tools.resolver.resolve(did, force=True)
    pipeline.offer((await untold(alice, "While there was no key")).frame(1))
    await pipeline.step()
    alice.account.document = {}
    await scene.tools.resolver.resolve(did, force=True)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "While there was no key"}
    assert pipeline.repos[did].state is State.SYNCHRONIZED


async def test_an_answer_of_odd_things_is_no_answer(scene: Scene) -> None:
    """Somebody asks for a repo whose host describes it with what cannot be looked up."""
    bob = await scene.world.person("bob")
    pds = scene.world.pdses[0]
    for name in ("getRecord", "getLatestCommit", "getBlocks"):
        pds.faults.on(f"com.atproto.sync.{name}", status(501, error="MethodNotImplemented"))
    odd = b'{"collections": [{}, [], null, 1, "fm.plyr.dev.track"]}'
    pds.faults.on("com.atproto.repo.describeRepo", body(odd, "application/json"))
    given = scene.tools
    requests = Requests(given.pool, scene.pipeline, given.resolver, given.remote, given.now)
    assert await requests.look(parse_did(bob.did)) == NOTHING_HERE


async def test_one_that_never_resolves_is_not_kept_waiting_for_ever(scene: Scene) -> None:
    bob = await scene.world.person("bob")
    did, pipeline, pool = parse_did(bob.did), scene.pipeline, scene.tools.pool
    event = await untold(bob, "From nobody")
    del scene.world.directory.accounts[bob.did]
    repo = RepoState(did, State.WAITING)
    pipeline.repos[did] = repo
    queued = QueuedFrame(did, 1, event.rev, event.frame(1), "identity unavailable")
    await pipeline.writer.write([Step(did=did, repo=repo, enqueue=queued)], None)
    accounts = build_accounts(scene.tools, pipeline)
    for _ in range(30):
        await pool.execute("update repo set due_at = now() where did = $1", did)
        await pool.execute("update account set identity_due_at = now() + interval '1 day'")
        await accounts.ask_what_is_due()
        await scene.walk_what_is_due()
    assert did not in pipeline.repos
    assert await pool.fetchval("select count(*) from repo_queue") == 0
    assert await pool.fetchval("select count(*) from repo where did = $1", did) == 0


async def test_a_frame_that_another_version_queued_stops_nobody(scene: Scene) -> None:
    """What was readable once may be refused by now; a walk has it all."""
    pipeline, did = scene.pipeline, parse_did(scene.alice.did)
    waiting = replace(pipeline.repos[did], state=State.WAITING)
    pipeline.repos[did] = waiting
    queued = QueuedFrame(did, 1, "3kaaaaaaaaa22", b"no frame", "identity unavailable")
    await pipeline.writer.write([Step(did=did, repo=waiting, enqueue=queued)], None)
    await untold(scene.alice, "Meanwhile")
    await build_accounts(scene.tools, pipeline).drain_waiting(did)
    await scene.walk_what_is_due()
    assert "Meanwhile" in await scene.tracks()
    assert await scene.tools.pool.fetchval("select count(*) from repo_queue") == 0


async def test_no_stranger_fills_the_log(scene: Scene) -> None:
    did = parse_did(scene.alice.did)
    with capture_logs() as lines:
        for seq in range(1, 101):
            event = await untold(scene.alice, f"Track {seq}")
            scene.pipeline.offer(event.saying(blocks=b"no car").frame(seq))
        await scene.pipeline.step()
        for _ in range(100):
            await scene.resync._failed(did, Truncated("a node did not come"))
    counts = Counter(line["event"] for line in lines if line["log_level"] == "info")
    assert counts["rejected"] == counts["resync failed"] == LINES_A_PERIOD


async def test_what_a_host_says_of_its_refusal_can_always_be_noted(scene: Scene) -> None:
    """No text of Postgres holds a NUL."""
    bob = await scene.world.person("bob")
    said = orjson.dumps({"error": "No\0", "message": "n\0thing"})
    refusal = body(said, "application/json", status=400)
    for name in ("getRecord", "getLatestCommit"):
        scene.world.pdses[0].faults.on(f"com.atproto.sync.{name}", refusal)
    given = scene.tools
    requests = Requests(given.pool, scene.pipeline, given.resolver, given.remote, given.now)
    await ask(given.pool, [parse_did(bob.did)])
    running = asyncio.create_task(requests.run())

    async def is_answered() -> bool:
        assert not running.done()
        outcome = await given.pool.fetchval("select outcome from repo_request")
        return bool(outcome) and "thing" in outcome

    try:
        await wait_until(is_answered)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_repos_whose_hosts_never_answer_keep_nobody_from_being_looked_at(
    scene: Scene,
) -> None:
    given, may_answer = scene.tools, asyncio.Event()
    given.remote.query_seconds = 3_600
    tarpit = await scene.world.another_pds()
    tarpit.faults.on("com.atproto.sync.getRecord", held(may_answer))
    stuck = [await scene.world.person("stuck", pds=tarpit) for _ in range(2 * LOOKS_AT_ONCE + 1)]
    bob = await scene.world.person("bob")
    for person in (*stuck, bob):
        await ask(given.pool, [parse_did(person.did)])
    requests = Requests(given.pool, scene.pipeline, given.resolver, given.remote, given.now)
    running = asyncio.create_task(requests.run())

    async def is_answered() -> bool:
        sql = "select outcome from repo_request where did = $1"
        outcome: str | None = await given.pool.fetchval(sql, bob.did)
        return outcome == NOTHING_HERE

    try:
        await wait_until(is_answered)
    finally:
        may_answer.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
