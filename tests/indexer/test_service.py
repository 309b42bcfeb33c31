"""The indexer put together: what it begins with."""

import gc
from typing import Any, cast

from indexer.repo_state import RepoState, State
from indexer.service import Tools, build_pipeline
from indexer.steps import Step
from lexicons.syntax import Did
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, NOW, TYPES, new_writer


async def test_what_is_known_of_all_repos_is_no_burden_to_the_garbage_collector(pool: Pool) -> None:
    dids = Did(ALICE), Did(BOB)
    repos = [RepoState(did, State.SYNCHRONIZED, walked=frozenset(TYPES)) for did in dids]
    await new_writer(pool).write([Step(did=repo.did, repo=repo) for repo in repos], None)
    nothing = cast(Any, None)
    tools = Tools(pool, nothing, nothing, nothing, nothing, nothing, lambda: NOW)
    try:
        pipeline = await build_pipeline(tools, "fm.plyr", host=None)
        alice, bob = (pipeline.repos[did] for did in dids)
        assert [alice, bob] == repos
        assert alice.walked is bob.walked
        gone_through = {id(each) for each in gc.get_objects()}
        assert not gone_through & {id(alice), id(bob), id(alice.walked)}
    finally:
        gc.unfreeze()
