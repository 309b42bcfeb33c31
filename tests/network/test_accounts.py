"""Checklist 72-90: who is shown, under which name, and whom the program believes."""

from __future__ import annotations

import pytest

from tests.network import http, scenes
from tests.network.makers import track
from tests.network.story import Story
from tests.support import wait_until


async def test_case_72_R24_R27_a_deactivated_account_is_hidden_at_once_and_comes_back_whole(
    story: Story,
) -> None:
    alice, _, song = await scenes.entangled(story)
    took = []
    for _ in range(3):
        await alice.become("active")
        await wait_until(lambda: story.is_shown(song.uri))
        await alice.become("deactivated")
        took.append(await story.hidden_after(song.uri))
    assert min(took) < 1, took
    await story.holds()
    rows = await story.program.rows("select 1 from record where did = $1", alice.did)
    assert rows
    fetched = alice.repo_requests()
    await alice.become("active")
    await story.holds()
    assert alice.repo_requests() == fetched


async def test_case_73_a_deleted_account_is_hidden_at_once_and_its_counts_follow(
    story: Story,
) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become("deleted")
    await story.hidden_after(song.uri)
    await story.holds()


async def test_case_73_the_records_of_a_deleted_account_are_purged(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become("deleted")
    await story.hidden_after(song.uri)

    async def purged() -> bool:
        rows = await story.program.rows(
            "select 1 from record where did = $1 and value is not null", alice.did
        )
        return not rows

    await wait_until(purged)
    await story.holds()


@pytest.mark.parametrize("status", ["deleted", "deactivated", "takendown", "suspended"])
async def test_case_74_78_R24_a_lie_about_an_account_erases_nothing(
    story: Story, status: str
) -> None:
    alice, _, _ = await scenes.entangled(story)
    fetched = alice.repo_requests()
    alice.say_account(active=False, status=status)
    await story.holds()
    assert alice.repo_requests() == fetched


@pytest.mark.parametrize("status", ["takendown", "suspended"])
async def test_case_75_accounts_taken_down_or_suspended_are_hidden(
    story: Story, status: str
) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become(status)
    await story.hidden_after(song.uri)
    await story.holds()
    await alice.become("active")
    await story.holds()


@pytest.mark.parametrize("status", ["deactivated", "suspended", "takendown", "of a later time"])
async def test_R26_the_word_for_why_somebody_is_hidden_is_kept_and_told(
    story: Story, status: str
) -> None:
    alice, song = await story.known()
    asked = ({"did": alice.did}, {"uri": song.uri})
    await alice.become(status)
    await story.hidden_after(song.uri)
    await story.holds()
    for about in asked:
        answer = await story.query("sync.getRecordStatus", **about)
        assert answer.body["state"] == "hidden"
        assert answer.body["reason"] == f"account-inactive: {status}"
    await alice.become("active")
    await story.holds()
    for about in asked:
        answer = await story.query("sync.getRecordStatus", **about)
        assert (answer.body["state"], answer.body.get("reason")) == ("shown", None)


@pytest.mark.parametrize("status", ["throttled", "desynchronized"])
async def test_case_76_R23_a_throttled_account_stays(story: Story, status: str) -> None:
    alice, _, song = await scenes.entangled(story)
    alice.say_account(active=True, status=status)
    await story.passes()
    assert await story.is_shown(song.uri)
    await story.holds()


async def test_case_77_a_status_to_come_hides(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become("newthing")
    await story.hidden_after(song.uri)
    await story.holds()
    await alice.become("active")
    await story.holds()


async def test_R25_a_commit_is_a_sign_of_life(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become("deactivated")
    await story.hidden_after(song.uri)

    async def confirmed() -> bool:
        rows = await story.program.rows(
            "select 1 from account where did = $1 and status_due_at is null", alice.did
        )
        return bool(rows)

    await wait_until(confirmed)
    await story.holds()
    await alice.become("active", told=False)
    await alice.write(track("I am still here"))
    await story.holds()


async def test_R24_a_pds_that_cannot_be_reached_is_no_proof_of_anything(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    alice.pds.faults.on("com.atproto.sync.getRepoStatus", http.status(502), times=1)
    alice.say_account(active=False, status="deactivated")
    await story.hidden_after(song.uri)
    rows = await story.program.rows("select 1 from record where did = $1", alice.did)
    assert rows
    await story.holds_in_the_end()
