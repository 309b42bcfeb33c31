"""Records and accounts that change, hide, return and go, while the program runs."""

import asyncio
from typing import Any

import pytest

from tests.reference.agreement import agree, eventually
from tests.reference.network import Network, Person, Refused, Written
from tests.reference.program import Program
from tests.reference.records import COMMENT, LIKE, PROFILE, TRACK, comment, like, profile, track

pytestmark = pytest.mark.reference


async def musician(network: Network, name: str) -> tuple[Person, Written]:
    person = await network.join(name)
    await person.put(PROFILE, "self", profile(f"I am {name}"))
    return person, await person.create(TRACK, track(f"By {name}"))


async def missing_reason(program: Program, record: Written) -> str | None:
    answer = await program.get("fm.plyr.feed.getTracks", uris=record.uri)
    return answer["missing"][0]["reason"] if answer["missing"] else None


async def until_missing(program: Program, record: Written, *reasons: str) -> None:
    async def check() -> None:
        assert await missing_reason(program, record) in reasons

    await eventually(check)


async def shown_handle(program: Program, actor: str) -> Any:
    try:
        return (await program.get("fm.plyr.actor.getProfile", actor=actor))["profile"]["handle"]
    except Refused as error:
        return error.name


async def test_a_deleted_track_is_told_from_one_never_seen(
    program: Program, network: Network
) -> None:
    person, written = await musician(network, "kay")
    await agree(program, network)
    await person.delete(written)
    await until_missing(program, written, "deleted")
    never = Written(f"{written.uri[:-4]}aaaa", None, "")
    assert await missing_reason(program, never) == "not-indexed"
    await agree(program, network)


async def test_R14_a_track_made_anew_at_its_old_address_keeps_its_likes(
    program: Program, network: Network
) -> None:
    person, written = await musician(network, "lou")
    fan, _ = await musician(network, "moe")
    await fan.create(LIKE, like(written))
    await person.delete(written)
    await until_missing(program, written, "deleted")
    await person.create(TRACK, track("Once more"), rkey=written.rkey)
    await agree(program, network)
    answer = await program.get("fm.plyr.feed.getTracks", uris=written.uri)
    assert answer["tracks"][0]["likeCount"] == 1


async def test_R22_a_new_handle_is_shown_and_the_old_one_may_be_anothers(
    program: Program, network: Network
) -> None:
    person, _ = await musician(network, "ned")
    await agree(program, network)
    await person.rename("edward")
    await agree(program, network)
    assert await shown_handle(program, "edward.test") == "edward.test"
    heir, _ = await musician(network, "ned")
    await agree(program, network)
    found = await program.get("fm.plyr.actor.getProfile", actor="ned.test")
    assert found["profile"]["did"] == heir.did


async def test_a_deactivated_account_is_hidden_and_comes_back_whole(
    program: Program, network: Network
) -> None:
    person, written = await musician(network, "oda")
    fan, subject = await musician(network, "pam")
    await person.create(LIKE, like(subject))
    await fan.create(LIKE, like(written))
    await fan.create(COMMENT, comment(written, "mine"))
    await agree(program, network)
    await person.deactivate()
    await until_missing(program, written, "account-inactive")
    await agree(program, network)
    with pytest.raises(Refused, match=r"RecordNotFound.*account-inactive"):
        await program.get("fm.plyr.feed.getLikes", uri=written.uri)
    assert await shown_handle(program, person.did) == "ActorNotFound"
    await person.activate()
    world = await agree(program, network)
    assert person.did in world.dids


async def test_a_takedown_by_the_host_hides_and_its_reversal_restores(
    program: Program, network: Network
) -> None:
    person, written = await musician(network, "ray")
    _, subject = await musician(network, "sam")
    await person.create(LIKE, like(subject))
    await agree(program, network)
    await network.take_down(person.did, applied=True)
    await until_missing(program, written, "account-inactive", "taken-down")
    await agree(program, network)
    await network.take_down(person.did, applied=False)
    world = await agree(program, network)
    assert person.did in world.dids


async def test_nothing_of_a_deleted_account_is_left(program: Program, network: Network) -> None:
    person, written = await musician(network, "tim")
    _, subject = await musician(network, "una")
    await person.create(LIKE, like(subject))
    await agree(program, network)
    await person.leave()
    await until_missing(program, written, "account-inactive", "deleted", "not-indexed")
    world = await agree(program, network)
    assert person.did not in world.dids


async def test_a_record_that_breaks_its_lexicon_is_quarantined_with_its_reason(
    program: Program, network: Network
) -> None:
    person, fine = await musician(network, "vic")
    untitled = track("")
    del untitled["title"]
    broken = await person.create_invalid(TRACK, untitled, "title is missing")
    await until_missing(program, broken, "invalid")
    status = await program.get("fm.plyr.sync.getRecordStatus", uri=broken.uri)
    assert "title" in status["reason"] + status.get("detail", "")
    assert await missing_reason(program, fine) is None


async def test_a_record_mended_by_an_edit_is_shown_and_one_broken_by_an_edit_is_not(
    program: Program, network: Network
) -> None:
    person, written = await musician(network, "wim")
    mended = await person.create_invalid(TRACK, track("Long" * 100), "title is too long")
    await until_missing(program, mended, "invalid")
    await person.put(TRACK, mended.rkey, track("Short"))
    del network.invalid[mended.uri]
    await person.put(TRACK, written.rkey, track("Negative", duration=-5))
    network.invalid[written.uri] = "duration is negative"
    await until_missing(program, written, "invalid")
    await agree(program, network)


async def test_changes_of_many_accounts_at_once_end_in_the_right_state(
    program: Program, network: Network
) -> None:
    people = await asyncio.gather(*(musician(network, f"many{n}") for n in range(6)))

    async def back_and_forth(person: Person, number: int) -> None:
        await person.deactivate()
        await person.activate()
        await person.create(TRACK, track("Back"))
        if number % 2:
            await person.rename(f"changed{number}")
            await person.deactivate()

    await asyncio.gather(*(back_and_forth(person, n) for n, (person, _) in enumerate(people)))
    await agree(program, network)
