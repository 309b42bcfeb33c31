"""Takedowns by hand: what they hide, what they take out of the counts, what cannot undo them."""

import asyncio
from typing import Any, cast

import pytest

from indexer import moderation
from indexer.moderation import Decision, Subject, parse_subject
from indexer.rows import LOCK
from indexer.service import Tools, build_pipeline
from indexer.steps import AccountStatus, Step
from lexicons.cid import InvalidCid
from lexicons.syntax import InvalidSyntax
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    NOW,
    SOME_CID,
    TRACK_URI,
    TYPES,
    change,
    comment,
    deletion,
    index,
    like,
    listing,
    new_writer,
    profile,
    track,
    uri,
)
from tests.support import wait_until

BOBS_LIKE = uri(BOB, "like", 1)


async def take_down(pool: Pool, subject: str, reason: str | None = None) -> bool:
    return await moderation.take_down(pool, TYPES, Decision(Subject(subject), "me", reason))


async def restore(pool: Pool, subject: str) -> bool:
    return await moderation.restore(pool, TYPES, Decision(Subject(subject), "me"))


async def counts(pool: Pool, subject: str = TRACK_URI) -> tuple[int, ...]:
    """Likes, comments, lists."""
    row = await pool.fetchrow(
        "select likes, comments, in_lists from subject_count where subject = $1", subject
    )
    return (0, 0, 0) if row is None else tuple(row)


async def tallies(pool: Pool, did: str) -> tuple[int, ...]:
    """Tracks, lists, likes given and received."""
    row = await pool.fetchrow(
        "select tracks, lists, likes_given, likes_received from account_count where did = $1", did
    )
    return (0, 0, 0, 0) if row is None else tuple(row)


async def recount(pool: Pool) -> None:
    while await new_writer(pool).recount(2):
        pass


async def test_a_like_that_is_taken_down_counts_for_nothing_at_once(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB), change(like(), did=CAROL))
    assert await take_down(pool, BOBS_LIKE)
    assert await counts(pool) == (1, 0, 0)
    assert await tallies(pool, BOB) == (0, 0, 0, 0)
    assert await tallies(pool, ALICE) == (1, 0, 0, 1)
    assert await restore(pool, BOBS_LIKE)
    assert await counts(pool) == (2, 0, 0)
    assert await tallies(pool, BOB) == (0, 0, 1, 0)


async def test_the_accounts_next_like_takes_its_place(pool: Pool) -> None:
    await index(pool, *[change(like(), did=BOB, key=key) for key in (1, 2)])
    await take_down(pool, BOBS_LIKE)
    assert await counts(pool) == (1, 0, 0)
    assert await pool.fetchval("select uri from link where counted") == uri(BOB, "like", 2)
    await restore(pool, BOBS_LIKE)
    assert await counts(pool) == (1, 0, 0)
    assert await pool.fetchval("select uri from link where counted") == BOBS_LIKE


async def test_comments_lists_and_tracks_leave_the_counts_and_come_back(pool: Pool) -> None:
    await index(
        pool,
        change(track()),
        change(comment(), did=BOB),
        change(listing(TRACK_URI, BOBS_LIKE, TRACK_URI), did=BOB),
    )
    subjects = [uri(BOB, "comment", 1), uri(BOB, "list", 1), TRACK_URI]
    for subject in subjects:
        await take_down(pool, subject)
    assert await counts(pool) == await counts(pool, BOBS_LIKE) == (0, 0, 0)
    assert (await tallies(pool, BOB), await tallies(pool, ALICE)) == ((0,) * 4, (0,) * 4)
    for subject in subjects:
        await restore(pool, subject)
    assert (await counts(pool), await counts(pool, BOBS_LIKE)) == ((0, 1, 1), (0, 0, 1))
    assert (await tallies(pool, BOB), await tallies(pool, ALICE)) == ((0, 1, 0, 0), (1, 0, 0, 0))


async def test_doing_it_twice_is_doing_it_once(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    assert await take_down(pool, BOBS_LIKE, "spam")
    assert not await take_down(pool, BOBS_LIKE)
    assert await pool.fetchval("select reason from local.takedown") == "spam"
    assert not await take_down(pool, BOBS_LIKE, "worse")
    assert await pool.fetchval("select reason from local.takedown") == "worse"
    assert await counts(pool) == (0, 0, 0)
    assert await restore(pool, BOBS_LIKE)
    assert not await restore(pool, BOBS_LIKE)
    assert await counts(pool) == (1, 0, 0)


async def test_71_a_takedown_outlives_whatever_its_author_does(pool: Pool) -> None:
    first = change(like(), did=BOB)
    await index(pool, first)
    await take_down(pool, BOBS_LIKE)
    other = uri(ALICE, "track", 2)
    for number, written in enumerate([like(other), {"$type": "broken"}, like(), None, like()]):
        await index(pool, change(written, did=BOB, collection="fm.plyr.like", rev=number + 2))
        assert await pool.fetchval("select count(*) from link") == 0
        assert await tallies(pool, BOB) == (0, 0, 0, 0)
    await index(pool, deletion(first, rev=8), change(like(other), did=BOB, rev=9), first)
    assert await counts(pool, other) == (0, 0, 0)
    await restore(pool, BOBS_LIKE)
    assert (await counts(pool), await counts(pool, other)) == ((0, 0, 0), (1, 0, 0))


@pytest.mark.parametrize("gone", [{"$type": "broken"}, None])
async def test_restoring_what_is_gone_brings_nothing_back(
    pool: Pool, gone: dict[str, Any] | None
) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    for subject, who, kind in ((TRACK_URI, ALICE, "track"), (BOBS_LIKE, BOB, "like")):
        await take_down(pool, subject)
        await index(pool, change(gone, did=who, collection=f"fm.plyr.{kind}", rev=2))
        await restore(pool, subject)
    assert await counts(pool) == (0, 0, 0)
    assert await tallies(pool, ALICE) == (0, 0, 0, 0)


async def test_what_is_not_indexed_yet_is_down_when_it_comes(pool: Pool) -> None:
    for subject in (TRACK_URI, BOBS_LIKE, CAROL):
        await take_down(pool, subject)
    await index(
        pool,
        change(track()),
        change(like(), did=BOB),
        change(like(), did=CAROL),
        change(track(), did=CAROL),
    )
    assert (await tallies(pool, ALICE))[0] == 0
    assert await pool.fetchval("select count(*) from shown_track") == 0
    await recount(pool)
    assert await counts(pool) == (0, 0, 0)
    await restore(pool, CAROL)
    await recount(pool)
    assert await counts(pool) == (1, 0, 0)


async def test_a_like_of_a_hidden_account_stays_out_until_both_are_restored(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    await take_down(pool, BOBS_LIKE)
    await take_down(pool, BOB)
    await recount(pool)
    await restore(pool, BOBS_LIKE)
    assert await counts(pool) == (0, 0, 0)
    step = Step(BOB, account=AccountStatus(BOB, "active", True), status_known=BOB)
    await new_writer(pool).write([step], None)
    await recount(pool)
    assert await counts(pool) == (0, 0, 0)
    await restore(pool, BOB)
    await recount(pool)
    assert await counts(pool) == (1, 0, 0)


async def test_a_record_keeps_its_row_and_its_place_in_time(pool: Pool) -> None:
    await index(pool, change(track()))
    before = await pool.fetchrow("select * from track")
    await take_down(pool, TRACK_URI)
    assert await pool.fetchval("select count(*) from shown_track") == 0
    await restore(pool, TRACK_URI)
    assert await pool.fetchrow("select * from track") == before
    assert await pool.fetchval("select count(*) from shown_track") == 1


async def test_every_decision_is_in_the_trail(pool: Pool) -> None:
    await take_down(pool, ALICE, "spam")
    await restore(pool, ALICE)
    await restore(pool, ALICE)
    rows = await pool.fetch("select actor, act, subject, reason from local.action order by id")
    assert [tuple(row) for row in rows] == [
        ("me", "takedown", ALICE, "spam"),
        ("me", "restore", ALICE, None),
    ]


async def test_a_decision_waits_for_the_batch_that_is_being_written(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    async with pool.acquire() as other, other.transaction():
        await other.execute("select pg_advisory_xact_lock($1)", LOCK)
        deciding = asyncio.create_task(take_down(pool, BOBS_LIKE))
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        await wait_until(lambda: pool.fetchval(waiting))
        assert await counts(pool) == (1, 0, 0)
    assert await deciding
    assert await counts(pool) == (0, 0, 0)


async def test_what_came_into_local_by_other_ways_is_followed(pool: Pool) -> None:
    await index(
        pool,
        change(track()),
        change(like(), did=BOB),
        change(profile(), did=BOB, key="self"),
        change(comment(), did=CAROL),
    )
    avatar = f"{BOB}/{SOME_CID}"
    subjects = [BOBS_LIKE, CAROL, avatar, f"at://{BOB}/fm.plyr.actor.profile/self", "nonsense"]
    insert = "insert into local.takedown (subject) values ($1)"
    await pool.executemany(insert, [(subject,) for subject in subjects])
    await moderation.follow_all(pool, TYPES)
    await recount(pool)
    assert await counts(pool) == (0, 0, 0)
    hidden = await pool.fetchval("select hidden_parts from account where did = $1", BOB)
    assert hidden == sorted([SOME_CID, subjects[3]])
    await pool.execute("delete from local.takedown")
    await moderation.follow_all(pool, TYPES)
    await recount(pool)
    assert await counts(pool) == (1, 1, 0)
    assert await pool.fetchval("select bool_and(active and hidden_parts is null) from account")


async def test_who_is_hidden_here_alone_goes_on_being_indexed(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await take_down(pool, ALICE)
    said = AccountStatus(BOB, "deactivated", active=False)
    await new_writer(pool).write([Step(BOB, account=said)], None)
    nothing = cast(Any, None)
    tools = Tools(pool, nothing, nothing, nothing, nothing, nothing, lambda: NOW)
    pipeline = await build_pipeline(tools, "fm.plyr", host=None)
    assert pipeline.inactive == {BOB}


async def test_records_of_another_namespace_are_left_alone(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    await pool.execute("update record set collection = 'com.example.like'")
    await take_down(pool, f"at://{BOB}/com.example.like/{BOBS_LIKE.rsplit('/')[-1]}")
    assert await pool.fetchval("select counted from record") is True


def test_subjects_are_accounts_records_and_blobs() -> None:
    for subject in (ALICE, TRACK_URI, f"{ALICE}/{SOME_CID}", f"at://{ALICE}/a.b.c/self"):
        assert parse_subject(subject) == subject
    assert parse_subject(f"at://{ALICE}") == Subject(ALICE)


@pytest.mark.parametrize(
    "text",
    ["", "did:plc", "alice.test", f"at://{ALICE}/fm.plyr.track", "at://alice.test/fm.plyr.track/x"],
)
def test_what_is_none_of_these_is_refused(text: str) -> None:
    with pytest.raises(InvalidSyntax):
        parse_subject(text)


def test_a_blob_is_named_by_its_cid() -> None:
    with pytest.raises(InvalidCid):
        parse_subject(f"{ALICE}/fm.plyr.track")
