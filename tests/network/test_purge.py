"""Purging a deleted account while the program runs, and what happens when it comes back."""

from __future__ import annotations

from tests.network import scenes
from tests.network.makers import track
from tests.network.story import Story
from tests.network.world import Person
from tests.support import wait_until


async def values_of(story: Story, person: Person) -> int:
    rows = await story.program.rows(
        "select count(*) from record where did = $1 and value is not null", person.did
    )
    return int(rows[0][0])


async def purged(story: Story, person: Person) -> None:
    async def is_purged() -> bool:
        rows = await story.program.rows(
            "select 1 from account where did = $1 and purged_at is not null", person.did
        )
        return bool(rows) and await values_of(story, person) == 0

    await wait_until(is_purged, 20)


async def test_case_73_R27_an_account_that_comes_back_after_its_purge_is_fetched_anew(
    story: Story,
) -> None:
    alice, _, song = await scenes.entangled(story)
    await alice.become("deleted")
    await story.hidden_after(song.uri)
    await purged(story, alice)
    await story.holds()
    fetched = alice.repo_requests()
    await alice.become("active")
    await story.holds()
    assert alice.repo_requests() > fetched
    await alice.write(track("Back again"))
    await story.holds()


async def test_case_73_a_purge_is_gone_on_with_after_a_crash(story: Story) -> None:
    alice, _, song = await scenes.entangled(story)
    for _ in range(20):
        await alice.write(track())
    await story.holds()
    await alice.become("deleted")
    await story.hidden_after(song.uri)
    await story.program.restart()
    await purged(story, alice)
    await story.holds()


async def test_case_78_a_replayed_deletion_after_a_newer_fetch_erases_nothing(
    story: Story,
) -> None:
    """She was deleted, was purged, came back and was fetched: then the old frame comes again."""
    alice, _, song = await scenes.entangled(story)
    held = await values_of(story, alice)
    await alice.become("deleted")
    await story.hidden_after(song.uri)
    await purged(story, alice)
    await alice.become("active")
    await story.holds()
    for _ in range(3):
        alice.say_account(active=False, status="deleted")
    await story.holds()
    rows = await story.program.rows("select purged_at from account where did = $1", alice.did)
    assert (await values_of(story, alice), rows[0]["purged_at"]) == (held, None)
