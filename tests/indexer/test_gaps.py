"""What a gap in the stream may have cost is asked for anew: repos, and who is hidden."""

import asyncio

import pytest
from starlette.responses import Response

from indexer import cursors
from indexer.discovery import Discovery
from indexer.purge import Purge
from indexer.repo_state import State
from indexer.service import build_accounts
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.scene import Scene, untold
from tests.indexer.test_relay import reading
from tests.network.http import Answer
from tests.support import wait_until


def discovery_of(scene: Scene) -> Discovery:
    given, origin = scene.tools, scene.world.relay.http_url
    return Discovery(given.pool, scene.pipeline, given.remote, origin, given.now)


async def test_a_gap_that_a_restart_interrupted_is_repaired_after_it(scene: Scene) -> None:
    await untold(scene.alice, "In the gap")
    await cursors.record_gap(scene.tools.pool, "relay.test", None, "asleep")
    discovering = asyncio.create_task(discovery_of(scene).run())
    try:

        async def closed() -> bool:
            open_gaps = "select count(*) from relay_gap where closed_at is null"
            return bool(await scene.tools.pool.fetchval(open_gaps) == 0)

        await wait_until(closed)
    finally:
        discovering.cancel()
        await asyncio.gather(discovering, return_exceptions=True)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "In the gap"}


async def test_after_a_gap_everybody_is_looked_for_from_the_first_page_on(scene: Scene) -> None:
    """Whoever began in the gap may stand before the page that a restart interrupted."""
    bob = await scene.world.person("bob")
    await untold(bob, "In the gap")
    pool, discovery = scene.tools.pool, discovery_of(scene)
    await pool.execute(
        "update discovery set cursor = 'did:plc:zzzz', finished_at = null where source = $1",
        discovery.origin,
    )
    await cursors.record_gap(pool, "relay.test", None, "asleep")
    discovering = asyncio.create_task(discovery.run())
    try:
        await wait_until(lambda: discovery.finished)
    finally:
        discovering.cancel()
        await asyncio.gather(discovering, return_exceptions=True)
    assert bob.did in scene.pipeline.repos


@pytest.mark.parametrize(("looked", "gaps"), [(False, 0), (True, 1)])
async def test_a_stream_that_begins_after_everybody_was_looked_for_has_a_gap(
    scene: Scene, *, looked: bool, gaps: int
) -> None:
    """Who began in between is in neither, known repos or not."""
    pool = scene.tools.pool
    scene.pipeline.repos.clear()
    if not looked:
        await pool.execute("delete from discovery")
    async with reading(scene) as relay:
        await relay.listens.wait()
    assert await pool.fetchval("select count(*) from relay_gap") == scene.gaps == gaps


async def test_a_repo_whose_commits_wait_is_walked_too_after_a_gap(scene: Scene) -> None:
    """Its queue ends before the gap, and chains."""
    alice, pipeline = scene.alice, scene.pipeline
    did = parse_did(alice.did)
    pipeline.note_status(did, shown=False)
    pipeline.offer((await untold(alice, "Queued")).frame(1))
    await pipeline.step()
    assert pipeline.repos[did].state is State.WAITING
    await untold(alice, "In the gap")
    await discovery_of(scene).recheck_all("a gap")
    pipeline.note_status(did, shown=True)
    await build_accounts(scene.tools, pipeline).ask_what_is_due()
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "Queued", "In the gap"}


async def test_a_repo_that_is_being_walked_is_walked_again_after_a_gap(scene: Scene) -> None:
    """Its walk may have begun before the end of the gap."""
    alice, pipeline = scene.alice, scene.pipeline
    did = parse_did(alice.did)
    await pipeline.writer.write([pipeline.track(did, "asked for")], None)
    assert await scene.resync.claim() == did
    under_way = asyncio.Event(), asyncio.Event()

    async def slowly(answer: Answer) -> Response:
        response = await answer()
        under_way[0].set()
        await under_way[1].wait()
        return response

    scene.world.pdses[0].faults.on("com.atproto.sync.getRecord", slowly, times=1)
    walking = asyncio.create_task(scene.resync.resync(did))
    await under_way[0].wait()
    await untold(alice, "In the gap")
    await discovery_of(scene).recheck_all("a gap")
    under_way[1].set()
    await walking
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "In the gap"}
    assert pipeline.repos[did].state is State.SYNCHRONIZED


async def test_who_is_hidden_is_asked_for_after_a_gap(scene: Scene) -> None:
    """The #account that would have brought them back may lie in it."""
    alice, pipeline = scene.alice, scene.pipeline
    accounts = build_accounts(scene.tools, pipeline)
    await alice.become("deactivated", told=False)
    await accounts.confirm_status(parse_did(alice.did))
    shown = "select active from account where did = $1"
    assert not await scene.tools.pool.fetchval(shown, alice.did)
    await alice.become("active", told=False)
    await discovery_of(scene).recheck_all("a gap")
    await accounts.ask_what_is_due()
    assert await scene.tools.pool.fetchval(shown, alice.did)


async def test_R21_everybodys_name_is_asked_for_after_a_gap(scene: Scene) -> None:
    """An #identity may lie in it, and no walk shows a handle."""
    alice = scene.alice
    accounts = build_accounts(scene.tools, scene.pipeline)
    while await accounts.ask_what_is_due():
        pass
    handle = "select handle from account where did = $1"
    assert await scene.tools.pool.fetchval(handle, alice.did) == alice.handle
    await alice.rename("new.test", told=False)
    await discovery_of(scene).recheck_all("a gap")
    await accounts.ask_what_is_due()
    assert await scene.tools.pool.fetchval(handle, alice.did) == "new.test"


async def test_who_was_purged_and_returns_unchanged_is_walked_and_not_believed(
    scene: Scene,
) -> None:
    alice, pipeline = scene.alice, scene.pipeline
    accounts = build_accounts(scene.tools, pipeline)
    await alice.become("deleted", told=False)
    await accounts.confirm_status(parse_did(alice.did))
    purge = Purge(scene.tools.pool, pipeline)
    while await purge.purge_some():
        pass
    assert await scene.tracks() == set()
    await alice.become("active", told=False)
    await accounts.confirm_status(parse_did(alice.did))
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First"}


async def test_gaps_that_were_closed_long_ago_are_forgotten(pool: Pool) -> None:
    await pool.execute(
        """
        insert into relay_gap (host, reason, recorded_at, closed_at)
        values
            ('a.test', 'long closed', now() - interval '9 weeks', now() - interval '5 weeks'),
            ('a.test', 'just closed', now() - interval '9 weeks', now() - interval '3 weeks'),
            ('a.test', 'open', now() - interval '9 weeks', null)
        """
    )
    assert await cursors.close_gaps(pool, await pool.fetchval("select now()")) == 1
    reasons = await pool.fetch("select reason from relay_gap order by id")
    assert [row["reason"] for row in reasons] == ["just closed", "open"]
