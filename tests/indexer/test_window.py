"""What waits in the window: nothing of it is passed by the cursor, overlooked or overtaken."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from indexer.decisions import is_shown
from indexer.events import VerifiedCommit
from indexer.pipeline import BATCH_EVENTS
from indexer.repo_state import State
from indexer.writer import LOCK
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.scene import Scene, complete, untold
from tests.network.makers import post, track
from tests.support import wait_until


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        scene.pipeline.host = "relay.test"
        yield scene


async def cursor(scene: Scene) -> int | None:
    seq: int | None = await scene.tools.pool.fetchval("select seq from relay_cursor")
    return seq


async def test_the_cursor_stays_behind_what_waits_in_the_window(scene: Scene) -> None:
    alice = scene.alice
    last = BATCH_EVENTS + 3
    for seq in range(1, last + 1):
        scene.pipeline.offer(alice.repo.commit([alice.creating(post())]).frame(seq))
    await scene.pipeline.step()
    assert await cursor(scene) == BATCH_EVENTS
    await scene.pipeline.step()
    assert await cursor(scene) == last


async def test_what_follows_is_proven_while_a_batch_is_written(scene: Scene) -> None:
    alice = scene.alice
    for seq in range(1, BATCH_EVENTS + 2):
        scene.pipeline.offer(alice.repo.commit([alice.creating(post())]).frame(seq))
    following = scene.pipeline._window[-1]
    async with scene.tools.pool.acquire() as other, other.transaction():
        await other.execute("select pg_advisory_xact_lock($1)", LOCK)
        step = asyncio.create_task(scene.pipeline.step())
        await wait_until(lambda: isinstance(following.outcome, VerifiedCommit))
        assert await cursor(scene) is None
    await step
    assert await cursor(scene) == BATCH_EVENTS


async def test_the_cursor_passes_what_is_not_ours(scene: Scene) -> None:
    stranger = await scene.world.person("stranger", greeted=False)
    scene.pipeline.offer((await untold(scene.alice, "Ours")).frame(1))
    scene.pipeline.offer(stranger.repo.commit([stranger.creating(post())]).frame(2))
    assert await cursor(scene) is None
    await scene.pipeline.step()
    assert await cursor(scene) == 2
    scene.pipeline.offer(stranger.repo.commit([stranger.creating(post())]).frame(3))
    await scene.pipeline.write_cursor()
    assert await cursor(scene) == 3


async def test_case_11_a_seq_that_was_given_before_is_passed_over(scene: Scene) -> None:
    first = await untold(scene.alice, "In order")
    scene.pipeline.offer(first.frame(5), after_seq=4)
    again = await untold(scene.alice, "Under a seq that was")
    scene.pipeline.offer(again.frame(5), after_seq=5)
    scene.pipeline.offer(again.frame(3), after_seq=5)
    await scene.pipeline.step()
    assert await scene.tracks() == {"First", "In order"}
    assert await cursor(scene) == 5


async def test_what_follows_on_a_newcomers_first_track_is_followed(scene: Scene) -> None:
    bob = await scene.world.person("bob", greeted=False)
    commits = [
        bob.repo.commit([bob.creating(track("Debut"))]),
        bob.repo.commit([bob.creating(post())]),
        bob.repo.commit([bob.creating(track("Second"))]),
    ]
    for seq, commit in enumerate(commits, start=1):
        scene.pipeline.offer(commit.frame(seq))
    await scene.pipeline.step()
    repo = scene.pipeline.repos[parse_did(bob.did)]
    assert (repo.state, repo.rev) == (State.SYNCHRONIZED, bob.repo.rev)
    assert await scene.tracks() == {"First", "Debut", "Second"}


async def test_nothing_overtakes_a_commit_that_waits(scene: Scene) -> None:
    did = parse_did(scene.alice.did)
    scene.pipeline.inactive.add(did)
    scene.pipeline.offer((await untold(scene.alice, "While inactive")).frame(1))
    await scene.pipeline.step()
    scene.pipeline.inactive.discard(did)
    scene.pipeline.offer((await untold(scene.alice, "Right after")).frame(2))
    await scene.pipeline.step()
    assert scene.pipeline.repos[did].state is State.WAITING
    queue = await scene.tools.pool.fetch("select seq from repo_queue order by seq")
    assert [row["seq"] for row in queue] == [1, 2]
    assert await scene.tracks() == {"First"}
    assert await cursor(scene) == 2


async def test_R25_a_commit_of_a_hidden_account_has_its_host_asked(scene: Scene) -> None:
    due = "select count(*) from account where status_due_at is not null"
    scene.pipeline.inactive.add(parse_did(scene.alice.did))
    assert await scene.tools.pool.fetchval(due) == 0
    scene.pipeline.offer((await untold(scene.alice, "A sign of life")).frame(1))
    await scene.pipeline.step()
    assert await scene.tools.pool.fetchval(due) == 1
    assert await scene.tracks() == {"First"}


@pytest.mark.parametrize(
    ("active", "status", "shown"),
    [
        (True, None, True),
        (True, "throttled", True),
        (False, None, True),  # a host's slip
        (False, "throttled", True),
        (False, "desynchronized", True),
        (False, "deactivated", False),
        (False, "suspended", False),
        (False, "takendown", False),
        (False, "deleted", False),
        (False, "a word to come", False),
    ],
)
def test_R23_which_statuses_hide(active: bool, status: str | None, shown: bool) -> None:
    assert is_shown(active, status) is shown
