"""The counts against a slow twin that works them out anew from the records."""

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from indexer import moderation
from indexer.events import RecordChange
from indexer.moderation import Decision, Subject
from indexer.purge import Purge
from indexer.steps import AccountStatus, Step
from lexicons.syntax import Did
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    CAROL,
    TRACK_URI,
    TYPES,
    change,
    comment,
    deletion,
    dump,
    index,
    like,
    listing,
    new_pipeline,
    new_writer,
    track,
    uri,
)

Counts = dict[str, tuple[int, ...]]


async def counts_kept(pool: Pool) -> tuple[Counts, Counts]:
    subjects = await pool.fetch("select subject, likes, comments, in_lists from subject_count")
    accounts = await pool.fetch(
        "select did, tracks, lists, likes_given, likes_received from account_count"
    )
    return non_zero(subjects), non_zero(accounts)


async def counts_worked_out(pool: Pool) -> tuple[Counts, Counts]:
    """The slow twin: nothing but records, who is active and what is taken down."""
    subjects = await pool.fetch(
        """
        with
            likes as (
                select distinct subject, did
                from "like"
                where uri not in (select subject from local.takedown)
            ),
            entries as (
                select distinct subject, list_uri, did
                from list_item
                join list on list.uri = list_item.list_uri
                where list_uri not in (select subject from local.takedown)
            ),
            marks as (
                select subject, did, 1 as likes, 0 as comments, 0 as in_lists from likes
                union all
                select subject, did, 0, 1, 0
                from comment
                where uri not in (select subject from local.takedown)
                union all
                select subject, did, 0, 0, 1 from entries
            )
        select subject, sum(likes)::bigint, sum(comments)::bigint, sum(in_lists)::bigint
        from marks
        join account using (did)
        where account.active
        group by subject
        """
    )
    accounts = await pool.fetch(
        r"""
        with
            likes as (
                select distinct subject, did
                from "like"
                join account using (did)
                where active and uri not in (select subject from local.takedown)
            ),
            marks as (
                select did, 1 as tracks, 0 as lists, 0 as given, 0 as received
                from track
                where uri not in (select subject from local.takedown)
                union all
                select did, 0, 1, 0, 0
                from list
                where uri not in (select subject from local.takedown)
                union all
                select did, 0, 0, 1, 0 from likes
                union all
                select split_part(subject, '/', 3), 0, 0, 0, 1
                from likes
                where subject ~ '^at://did:[^/]+/fm\.plyr\.track/[^/]+$'
            )
        select did, sum(tracks)::bigint, sum(lists)::bigint, sum(given)::bigint,
            sum(received)::bigint
        from marks
        group by did
        """
    )
    return non_zero(subjects), non_zero(accounts)


async def counts_of_links(pool: Pool) -> Counts:
    rows = await pool.fetch(
        """
        select
            subject,
            count(*) filter (where kind = 'like'),
            count(*) filter (where kind = 'comment'),
            count(*) filter (where kind = 'list')
        from link
        where counted
        group by subject
        """
    )
    return non_zero(rows)


def non_zero(rows: list[Any]) -> Counts:
    return {row[0]: tuple(row[1:]) for row in rows if any(row[1:])}


async def assert_links_are_sound(pool: Pool) -> None:
    """What holds at every moment, also while an account is being recounted."""
    assert (await counts_kept(pool))[0] == await counts_of_links(pool)
    wrong = await pool.fetch(
        """
        select * from link as later
        where kind = 'like' and counted and exists (
            select from link as earlier
            where earlier.subject = later.subject and earlier.kind = 'like'
              and earlier.did = later.did and earlier.uri < later.uri
        )
        """
    )
    assert wrong == []
    torn = await pool.fetch(
        """
        select did, collection, rkey
        from record
        left join local.takedown
            on takedown.subject = 'at://' || did || '/' || collection || '/' || rkey
        where counted <> (state = 'valid' and takedown.subject is null)
        """
    )
    assert torn == []


async def flip(pool: Pool, did: str, *, active: bool, status: str = "deactivated") -> None:
    said = AccountStatus(Did(did), "active" if active else status, active)
    await new_writer(pool).write([Step(Did(did), account=said)], None)


async def decide(pool: Pool, subject: str, *, down: bool) -> None:
    act = moderation.take_down if down else moderation.restore
    await act(pool, TYPES, Decision(Subject(subject), "me"))


async def recount(pool: Pool, limit: int = 500) -> int:
    writer, chunks = new_writer(pool), 0
    while await writer.recount(limit):
        chunks += 1
    return chunks


async def likes_of(pool: Pool, subject: str = TRACK_URI) -> int:
    found = await pool.fetchval("select likes from subject_count where subject = $1", subject)
    return found or 0


async def test_an_inactive_account_is_hidden_at_once_and_uncounted_after(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB), change(like(), did=CAROL))
    await flip(pool, BOB, active=False)
    active = await pool.fetchval("select active from account where did = $1", BOB)
    assert (active, await likes_of(pool)) == (False, 2)
    assert await recount(pool) == 1
    assert await likes_of(pool) == 1
    await flip(pool, BOB, active=True)
    await recount(pool)
    assert await likes_of(pool) == 2
    assert await recount(pool) == 0


async def test_a_large_account_is_followed_in_bounded_chunks(pool: Pool) -> None:
    likes = [change(like(uri(ALICE, "track", n)), did=BOB, key=n) for n in range(100)]
    await index(pool, *likes)
    await flip(pool, BOB, active=False)
    writer = new_writer(pool)
    await writer.recount(10)
    assert await pool.fetchval("select sum(likes) from subject_count") == 90
    assert await recount(pool, 10) == 10
    assert await pool.fetchval("select sum(likes) from subject_count") == 0
    assert await counts_kept(pool) == await counts_worked_out(pool)


async def test_a_list_is_not_torn_apart_by_a_chunk(pool: Pool) -> None:
    items = [uri(ALICE, "track", n) for n in range(20)]
    await index(pool, change(listing(*items), did=BOB, key=1), change(like(), did=BOB, key=2))
    await flip(pool, BOB, active=False)
    await recount(pool, 3)
    await assert_links_are_sound(pool)
    assert await counts_kept(pool) == await counts_worked_out(pool)


async def test_a_like_written_while_its_account_is_recounted_ends_up_right(pool: Pool) -> None:
    likes = [change(like(uri(ALICE, "track", n)), did=BOB, key=n) for n in range(10, 20)]
    await index(pool, *likes)
    await flip(pool, BOB, active=False)
    writer = new_writer(pool)
    await writer.recount(5)
    behind, ahead = change(like(), did=BOB, key=1), change(like(), did=BOB, key=99)
    await index(pool, behind, ahead)
    await recount(pool, 5)
    assert await counts_kept(pool) == await counts_worked_out(pool)
    await flip(pool, BOB, active=True)
    await writer.recount(5)
    await index(pool, deletion(behind, rev=2))
    await recount(pool, 5)
    assert await likes_of(pool) == 1
    assert await counts_kept(pool) == await counts_worked_out(pool)


async def test_an_account_that_turns_back_half_way_is_counted_anew(pool: Pool) -> None:
    likes = [change(like(uri(ALICE, "track", n)), did=BOB, key=n) for n in range(10)]
    await index(pool, *likes)
    await flip(pool, BOB, active=False)
    await new_writer(pool).recount(4)
    await flip(pool, BOB, active=True)
    await recount(pool, 4)
    assert await counts_kept(pool) == await counts_worked_out(pool)
    assert await pool.fetchval("select sum(likes) from subject_count") == 10


async def test_a_like_written_between_two_flips_counts(pool: Pool) -> None:
    await index(pool, change(track(), did=BOB))
    await flip(pool, BOB, active=False)
    await index(pool, change(like(), did=BOB))
    await flip(pool, BOB, active=True)
    await recount(pool)
    assert await likes_of(pool) == 1


async def test_likes_that_swap_places_while_their_account_is_recounted_end_up_right(
    pool: Pool,
) -> None:
    other = uri(ALICE, "track", 2)
    await index(pool, change(like(other), did=BOB, key=1), change(like(), did=BOB, key=2))
    await flip(pool, BOB, active=False)
    await new_writer(pool).recount(1)
    swapped = [change(like(), did=BOB, key=1, rev=2), change(like(other), did=BOB, key=2, rev=2)]
    await index(pool, *swapped)
    await recount(pool)
    assert (await likes_of(pool), await likes_of(pool, other)) == (0, 0)


async def test_of_a_returning_accounts_two_likes_one_counts(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB, key=1), change(like(), did=BOB, key=2))
    for active in (False, True):
        await flip(pool, BOB, active=active)
        await recount(pool, 1)
        assert await likes_of(pool) == int(active)


async def test_somebody_else_may_flip_an_account_too(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    await pool.execute("update account set upstream_active = false where did = $1", BOB)
    await recount(pool)
    assert await likes_of(pool) == 0


async def test_the_counted_like_is_the_one_with_the_smallest_uri(pool: Pool) -> None:
    for key in (3, 2, 4):
        await index(pool, change(like(), did=BOB, key=key))
    counted = "select uri from link where counted"
    assert await pool.fetchval(counted) == uri(BOB, "like", 2)
    await index(pool, deletion(change(like(), did=BOB, key=2), rev=2))
    assert await pool.fetchval(counted) == uri(BOB, "like", 3)
    assert await likes_of(pool) == 1


async def test_a_like_that_moves_to_another_subject_takes_its_count_along(pool: Pool) -> None:
    other = uri(ALICE, "track", 2)
    await index(pool, change(like(), did=BOB), change(like(), did=BOB, key=2))
    await index(pool, change(like(other), did=BOB, rev=2))
    assert (await likes_of(pool), await likes_of(pool, other)) == (1, 1)
    assert await counts_kept(pool) == await counts_worked_out(pool)


async def test_R20_a_like_of_another_environments_track_is_received_by_nobody(pool: Pool) -> None:
    foreign = TRACK_URI.replace("fm.plyr.track", "fm.plyr.dev.track")
    await index(pool, change(track()), change(like(foreign), did=BOB))
    _, accounts = await counts_kept(pool)
    assert accounts == {ALICE: (1, 0, 0, 0), BOB: (0, 0, 1, 0)}


async def test_a_like_that_stays_is_not_touched_by_an_update(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB))
    before = await pool.fetchval("select xmin from link")
    await index(pool, change(like(createdAt="2026-09-09T00:00:00Z"), did=BOB, rev=2))
    assert await pool.fetchval("select xmin from link") == before


PEOPLE = (ALICE, BOB, CAROL)
SUBJECTS = (
    uri(ALICE, "track", 1),
    uri(BOB, "track", 1),
    uri(ALICE, "list", 1),
    "at://alice.example/fm.plyr.track/x",
    f"at://{ALICE}/fm.plyr.dev.track/x",
)
BROKEN = {"$type": "broken"}


@dataclass(slots=True)
class Story:
    """What a drawn sequence of actions is played on; every change gets a rev of its own."""

    pool: Pool
    rev: int = 0
    written: list[RecordChange] = field(default_factory=list)
    batch: list[RecordChange] = field(default_factory=list)

    async def write_batch(self) -> None:
        if self.batch:
            await index(self.pool, *self.batch)
            self.batch.clear()

    def put(self, record: dict[str, Any] | None, collection: str, who: int, key: int) -> None:
        self.rev += 1
        where = {"did": PEOPLE[who], "collection": f"fm.plyr.{collection}", "key": key}
        made = change(record, rev=self.rev, **where)  # type: ignore[arg-type]  # as drawn
        self.batch.append(made)
        self.written.append(made)


subjects, people, keys = st.sampled_from(SUBJECTS), st.integers(0, 2), st.integers(1, 3)
records = st.one_of(
    st.tuples(st.just("like"), subjects.map(like)),
    st.tuples(st.just("comment"), subjects.map(comment)),
    st.tuples(st.just("list"), st.lists(subjects, max_size=4).map(lambda found: listing(*found))),
    st.tuples(st.just("track"), st.just(track())),
    st.tuples(
        st.sampled_from(["like", "comment", "list", "track"]), st.sampled_from([None, BROKEN])
    ),
)
# Mostly about likes, and mostly Bob's: chance has to bring double likes and flips together.
fans = st.sampled_from([1, 1, 1, 0, 2])
decided = st.one_of(
    fans.map(PEOPLE.__getitem__),
    st.builds(
        lambda who, kind, key: uri(PEOPLE[who], kind, key),
        fans,
        st.sampled_from(["like", "like", "like", "track", "comment", "list"]),
        keys,
    ),
)
likes = st.tuples(st.just("like"), st.sampled_from([like(), like(), like(SUBJECTS[1]), None]))
actions = st.one_of(
    st.tuples(st.just("put"), people, keys, records),
    st.tuples(st.just("put"), fans, keys, likes),
    st.tuples(st.just("put"), fans, keys, likes),
    st.tuples(st.just("write")),
    st.tuples(st.just("flip"), fans, st.booleans()),
    st.tuples(st.just("decide"), decided, st.booleans()),
    st.tuples(st.just("decide"), decided, st.just(True)),
    st.tuples(st.just("delete"), fans),
    st.tuples(st.just("purge"), st.integers(1, 3)),
    st.tuples(st.just("recount"), st.integers(1, 3)),
    st.tuples(st.just("replay"), st.integers(0, 50)),
)


async def play(story: Story, action: tuple[Any, ...]) -> None:
    match action:
        case ("put", who, key, (collection, record)):
            story.put(record, collection, who, key)
        case ("write",):
            await story.write_batch()
        case ("flip", who, active):
            await story.write_batch()
            await flip(story.pool, PEOPLE[who], active=active)
        case ("decide", subject, down):
            await story.write_batch()
            await decide(story.pool, subject, down=down)
        case ("delete", who):
            await story.write_batch()
            await flip(story.pool, PEOPLE[who], active=False, status="deleted")
        case ("purge", limit):
            await story.write_batch()
            await Purge(story.pool, new_pipeline(story.pool)).purge_some(limit)
        case ("recount", limit):
            await story.write_batch()
            await new_writer(story.pool).recount(limit)
        case ("replay", start):
            story.batch.extend(story.written[start:])


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plot=st.lists(actions, min_size=8, max_size=40))
async def test_R15_whatever_happens_the_counts_are_those_of_the_slow_twin(
    pool: Pool, plot: list[tuple[Any, ...]]
) -> None:
    tables = ", ".join(f'"{table}"' for table in await dump(pool))
    await pool.execute(f"truncate {tables}, local.takedown")
    story = Story(pool)
    for action in plot:
        await play(story, action)
        if action[0] not in {"put", "replay"}:
            await assert_links_are_sound(pool)
    await story.write_batch()
    await recount(pool, 2)
    await assert_links_are_sound(pool)
    assert await counts_kept(pool) == await counts_worked_out(pool)
    behind = "select count(*) from account where active <> counted_active"
    assert await pool.fetchval(behind) == 0
