"""Checklist 21-36 and 46-52: what is refused, and what is left alone beside it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.network import lies
from tests.network.encoding import car, dag_cbor, link_to, tid, tid_micros
from tests.network.makers import comment, like, track
from tests.network.repo import CommitEvent, Write
from tests.network.story import Story
from tests.network.world import untold


async def test_case_21_a_bad_signature_costs_one_identity_refresh_and_no_more(
    story: Story,
) -> None:
    alice, _ = await story.known()
    before = story.world.directory.times_asked(alice.did)
    rejected = await story.program.metric("plyr_rejected_total", reason="bad-signature")
    forged = await alice.forge(lies.bad_signature)
    await story.passes()
    assert story.world.directory.times_asked(alice.did) == before + 1
    assert await story.program.metric("plyr_rejected_total", reason="bad-signature") > rejected
    await story.holds()
    assert await story.stores_nothing_of(forged)


LIES: dict[str, Callable[[CommitEvent], CommitEvent]] = {
    "case_23_high_s": lies.high_s,
    "case_24_der": lies.der_signature,
    "case_26_other_did": lies.other_did,
    "case_27_other_rev": lies.other_rev("3zzzzzzzzzzz2"),
    "case_27_earlier_rev": lambda event: event.saying(rev=tid(tid_micros(event.rev) - 1)),
    "case_28_other_root": lies.other_root,
    "case_29_missing_root": lies.missing_root,
    "case_30_wrong_block": lies.wrong_block,
    "case_33_duplicate_path": lies.duplicate_path,
    "case_35_oversize_blocks": lies.oversize_blocks,
    "case_46_prefix_too_long": lies.bad_prefix(25),
    "case_46_negative_prefix": lies.bad_prefix(-1),
    "other_version": lies.other_version,
}


@pytest.mark.parametrize("name", LIES)
async def test_cases_23_to_46_a_commit_wrong_in_one_respect_is_refused(
    story: Story, name: str
) -> None:
    alice, _ = await story.known()
    rejected = await story.program.metric("plyr_rejected_total")
    forged = await alice.forge(LIES[name])
    await story.passes()
    assert await story.program.metric("plyr_rejected_total") > rejected
    assert await story.stores_nothing_of(forged)
    await alice.write(track("The truth goes on"))
    await story.holds()


async def test_case_34_two_hundred_and_one_ops_are_refused(story: Story) -> None:
    alice, _ = await story.known()
    writes = [alice.creating(like(alice.uri(f"x/{number}"))) for number in range(201)]
    forged = await alice.forge(lambda event: event, writes)
    await story.passes()
    assert await story.stores_nothing_of(forged)
    await story.holds()


async def test_case_34_two_hundred_ops_are_accepted(story: Story) -> None:
    alice, song = await story.known()
    writes = [alice.creating(comment(song, f"at {number}")) for number in range(200)]
    await alice.commit(writes)
    await story.passes()
    answer = await story.query("feed.getComments", uri=song.uri, limit=1)
    assert answer.body["total"] == 200


async def test_case_36_a_record_past_a_mebibyte_is_refused(story: Story) -> None:
    alice, _ = await story.known()
    value = track("Too much", zebra="z" * 1_048_577)
    forged = await alice.forge(lambda event: event, [alice.creating(value)])
    await story.passes()
    assert await story.stores_nothing_of(forged)
    await story.holds()


async def test_case_47_a_dag_bomb_is_refused_at_once(story: Story) -> None:
    alice, _ = await story.known()
    before = story.program.peak_megabytes()
    await alice.forge(lies.dag_bomb())
    begun = time.monotonic()
    await story.passes()
    assert time.monotonic() - begun < 10  # read a thousand times a thousand, it would be minutes
    assert story.program.peak_megabytes() < before + 100
    await story.holds()


async def test_case_48_a_chain_of_ten_thousand_nodes_is_refused(story: Story) -> None:
    alice, _ = await story.known()
    await alice.forge(lies.deep_chain())
    await story.passes()
    assert story.program.is_running
    await story.holds()


async def test_case_50_what_is_no_record_leaves_its_neighbours_alone(story: Story) -> None:
    alice, _ = await story.known()
    fields = {**track("Floating"), "duration": 1.5}
    writes = [
        Write("create", f"fm.plyr.track/{story.world.clock.next()}", dag_cbor([1, 2, 3])),
        Write("create", f"fm.plyr.track/{story.world.clock.next()}", dag_cbor(fields)),
        Write("create", f"fm.plyr.track/{story.world.clock.next()}", b"\x00\x00\xff"),
        alice.creating(track("Good company")),
    ]
    await alice.commit(writes, invalid=[write.path for write in writes[:3]])
    await story.holds()


async def test_case_51_a_like_under_a_key_that_is_no_tid_is_not_indexed(story: Story) -> None:
    alice, song = await story.known()
    fetched = alice.repo_requests()
    await alice.write(like(song), rkey="not-a-tid", valid=False)
    await alice.write(track("After it"))
    await story.holds()
    assert alice.repo_requests() == fetched


ODD_KEYS = [b"fm.plyr.track/", b"fm.plyr.track/a/b", b"fm.plyr.track/\xff\xfe", b"fm.plyr.track"]


async def test_case_52_odd_keys_in_a_backfilled_tree_leave_the_others_alone(
    story: Story,
) -> None:
    alice = await story.person("alice")
    block = dag_cbor(track("Under an odd key"))
    for key in ODD_KEYS:
        alice.repo.values[link_to(block)] = block
        alice.repo.records[key] = link_to(block)
    await alice.write(track("One of many"), told=untold)
    await alice.write(track("Another"))
    await story.holds()


@pytest.mark.parametrize("path", ["fm.plyr.track/", "fm.plyr.track/a/b", "nonsense"])
async def test_case_52_an_op_under_an_odd_path_does_no_lasting_harm(
    story: Story, path: str
) -> None:
    alice, _ = await story.known()
    await alice.commit(
        [Write("create", path, track("Odd")), alice.creating(track("Even"))], invalid=[path]
    )
    await alice.write(track("Afterwards"))
    await story.holds()


@pytest.mark.parametrize(
    "blocks",
    [b"", b"\x00", b"\xff" * 40, car([], {}), car([], {})[:-3]],
    ids=["empty", "zero", "huge-length", "no-root", "cut"],
)
async def test_what_is_no_car_is_refused(story: Story, blocks: bytes) -> None:
    alice, _ = await story.known()
    forged = await alice.forge(lambda event: lies.Raw(event, blocks))
    await story.passes()
    assert await story.stores_nothing_of(forged)
    await story.holds()


@pytest.mark.parametrize("at", range(0, 100, 9))
async def test_a_car_cut_anywhere_is_refused(story: Story, at: int) -> None:
    alice = await story.person("alice")
    forged = await alice.forge(lambda event: lies.Raw(event, cut_at(event, at)))
    await story.passes()
    assert await story.stores_nothing_of(forged)


def cut_at(event: CommitEvent, percent: int) -> bytes:
    whole = car(event.roots, event.blocks)
    return whole[: len(whole) * percent // 100]
