"""What was there before the first start."""

import pytest

from tests.reference.agreement import agree, eventually
from tests.reference.network import Network
from tests.reference.population import FOREIGN, Population
from tests.reference.program import Program

pytestmark = pytest.mark.reference


async def test_what_was_written_before_the_first_start_is_found_and_proven(
    program: Program, network: Network
) -> None:
    world = await agree(program, network)
    assert len(world.invalid) == 10
    assert len(world.dids) >= 5


async def test_the_status_says_that_the_backfill_is_over(program: Program) -> None:
    async def over() -> None:
        status = await program.get("fm.plyr.sync.getStatus")
        assert status["backfill"]["state"] == "done"
        assert status["upstreams"][0]["connected"]

    await eventually(over)


async def test_nothing_is_shown_of_accounts_that_their_host_does_not_serve(
    program: Program, early: Population
) -> None:
    uris = [record.uri for record in early.hidden]
    answer = await program.get("fm.plyr.feed.getTracks", uris=uris)
    assert answer["tracks"] == []
    assert [item["uri"] for item in answer["missing"]] == uris


async def test_R20_no_namesake_of_a_collection_leaks_in(
    program: Program, early: Population
) -> None:
    latest = await program.pages("fm.plyr.feed.getLatest", "feed")
    assert not [item for item in latest if item["track"]["title"].startswith("Foreign")]
    for record in early.foreign[: len(FOREIGN)]:
        status = await program.get("fm.plyr.sync.getRecordStatus", uri=record.uri)
        assert status["state"] == "not-indexed"
