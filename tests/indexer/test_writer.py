"""Which change of a record wins, and what the index then holds."""

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from indexer.events import QuarantineReason, RecordChange
from indexer.records.ledger import Outcome
from lexicons.data_model import encode
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    BORN,
    NOW,
    TRACK_URI,
    audio_blob,
    change,
    comment,
    deletion,
    dump,
    index,
    like,
    listing,
    profile,
    tid,
    track,
    uri,
)

BSKY = {"$type": "app.bsky.actor.profile", "displayName": "Al"}
OF_EVERY_TYPE = [
    pytest.param(track(), track(title="Sky"), 1, id="track"),
    pytest.param(like(), like(uri(BOB, "track", 2)), 1, id="like"),
    pytest.param(comment(), comment(text="no"), 1, id="comment"),
    pytest.param(listing(TRACK_URI), listing(name="b"), 1, id="list"),
    pytest.param(profile(), profile(bio="b"), "self", id="profile"),
    pytest.param(BSKY, BSKY | {"displayName": "Bea"}, "self", id="bsky-profile"),
]
# A list that was seen growing knows when each item came; found grown, it does not.
WHEN_ADDED = ("made_at", "added")
of_every_type = pytest.mark.parametrize(("old", "new", "key"), OF_EVERY_TYPE)
TABLES = {
    "fm.plyr.track": "track",
    "fm.plyr.like": "like",
    "fm.plyr.comment": "comment",
    "fm.plyr.list": "list",
    "fm.plyr.actor.profile": "profile",
    "app.bsky.actor.profile": "bsky_profile",
}


async def cids(pool: Pool, record: dict[str, Any]) -> list[str]:
    return [row[0] for row in await pool.fetch(f'select cid from "{TABLES[record["$type"]]}"')]


async def one(pool: Pool, query: str) -> tuple[Any, ...]:
    (row,) = await pool.fetch(query)
    return tuple(row)


async def subject_counts(pool: Pool, subject: str) -> tuple[int, ...]:
    row = await pool.fetchrow(
        "select likes, comments, in_lists from subject_count where subject = $1", subject
    )
    return tuple(row) if row else (0, 0, 0)


@of_every_type
async def test_R1_R2_an_older_rev_loses(pool: Pool, old: Any, new: Any, key: Any) -> None:
    newer = change(new, key=key, rev=2)
    await index(pool, newer)
    result = await index(pool, change(old, key=key, rev=1))
    assert (result.applied, result.stale) == (0, 1)
    assert await cids(pool, old) == [newer.cid]


@of_every_type
async def test_R1_R8_the_same_rev_again_changes_nothing(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    await index(pool, change(old, key=key, rev=2))
    before = await dump(pool)
    result = await index(pool, change(old, key=key, rev=2), change(new, key=key, rev=2))
    assert result.stale == 2
    assert await dump(pool) == before


@of_every_type
async def test_R3_a_first_sight_is_the_baseline(pool: Pool, old: Any, new: Any, key: Any) -> None:
    first = change(old, key=key, rev=5)
    await index(pool, first)
    await index(pool, change(new, key=key, rev=4))
    assert await cids(pool, old) == [first.cid]


async def test_R4_a_change_without_a_rev_never_applies(pool: Pool) -> None:
    bare = change(track())
    nameless = RecordChange(
        bare.did, bare.collection, bare.rkey, type(bare.rev)(""), bare.cid, bare.value
    )
    assert (await index(pool, nameless)).stale == 1
    assert await cids(pool, track()) == []


@of_every_type
async def test_R5_R7_a_replayed_create_does_not_resurrect(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    create = change(old, key=key, rev=1)
    await index(pool, create)
    await index(pool, deletion(create, rev=2))
    assert (await index(pool, create)).stale == 1
    assert await cids(pool, old) == []
    again = change(new, key=key, rev=3)
    await index(pool, again)
    assert await cids(pool, old) == [again.cid]


@of_every_type
async def test_R6_R7_a_delete_of_something_unseen_is_remembered(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    create = change(old, key=key, rev=1)
    await index(pool, deletion(create, rev=2))
    await index(pool, create, change(new, key=key, rev=2))
    assert await cids(pool, old) == []
    assert await one(pool, "select state, cid, value from record") == ("deleted", None, None)


@of_every_type
async def test_R9_an_update_of_something_unseen_is_indexed(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    update = change(new, key=key, rev=7)
    await index(pool, update)
    assert await cids(pool, old) == [update.cid]


@of_every_type
async def test_an_update_to_an_invalid_version_removes_the_old_one(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    await index(pool, change(old, key=key, rev=1))
    broken = change({"$type": "nonsense"}, collection=old["$type"], key=key, rev=2)
    assert (await index(pool, broken)).quarantined == 1
    assert await cids(pool, old) == []
    held = await one(pool, "select state, reason, cid, value from record")
    assert held == ("invalid", QuarantineReason.INVALID_RECORD, broken.cid, broken.value)
    mended = change(new, key=key, rev=3)
    await index(pool, mended)
    assert await cids(pool, old) == [mended.cid]
    assert await one(pool, "select state, reason, detail from record") == ("valid", None, None)


WHOLE_TRACK = track(
    album="Shore",
    description="#a",
    duration=3,
    imageUrl="https://i.example/c",
    audioUrl="https://a.example/a",
    audioBlob=audio_blob(),
    supportGate={"type": "any"},
    features=[{"did": BOB}],
    labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "x"}]},
)
AVATAR = audio_blob() | {"mimeType": "image/png"}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        *OF_EVERY_TYPE,
        pytest.param(WHOLE_TRACK, track(title="b", artist="c", fileType="ogg"), 1, id="bare-track"),
        pytest.param(track(), WHOLE_TRACK, 1, id="whole-track"),
        pytest.param(comment(updatedAt=BORN), comment(timestampMs=2), 1, id="bare-comment"),
        pytest.param(listing(), listing(TRACK_URI, updatedAt=BORN), 1, id="whole-list"),
        pytest.param(profile(bio="b", avatar="x:y"), profile(updatedAt=BORN), "self", id="bare"),
        pytest.param(BSKY | {"avatar": AVATAR}, BSKY, "self", id="bare-bsky-profile"),
    ],
)
async def test_R10_an_update_leaves_nothing_of_what_was(
    pool: Pool, old: Any, new: Any, key: Any
) -> None:
    new = new | {"createdAt": "2026-09-03T00:00:00Z"}
    await index(pool, change(old, key=key, rev=1))
    await index(pool, change(new, key=key, rev=2))
    updated = await dump(pool, without=WHEN_ADDED)
    await clear(pool)
    await index(pool, change(new, key=key, rev=2))
    assert without_zeros(await dump(pool, without=WHEN_ADDED)) == without_zeros(updated)


async def test_what_is_added_to_a_list_is_as_old_as_the_addition(pool: Pool) -> None:
    other = uri(BOB, "track", 2)
    made_at = "select made_at = (select sort_at from list) from link where subject = $1"
    await index(pool, change(listing(TRACK_URI), rev=1))
    await index(pool, change(listing(TRACK_URI, other), rev=2))
    assert await pool.fetchval(made_at, TRACK_URI) is True
    assert await pool.fetchval(made_at, other) is False
    added = "select array_agg(subject) from link where added"
    assert await pool.fetchval(added) == [other]
    await index(pool, change(listing(TRACK_URI, other, listType="liked"), key=2, rev=1))
    await index(
        pool, change(listing(other, uri(ALICE, "track", 3), listType="liked"), key=2, rev=2)
    )
    assert await pool.fetchval(added) == [other]


async def test_a_like_is_as_old_as_its_key_says(pool: Pool) -> None:
    await index(pool, change(like(), rev=1))
    assert await pool.fetchval('select made_at = sort_at from link join "like" using (uri)')


async def test_tags_follow_their_track(pool: Pool) -> None:
    tagged = "select tag from track_tag join track using (sort_at) order by tag"
    await index(pool, change(track(description="#tape #loops"), key=1, rev=1))
    await index(pool, change(track(description="#tape, not", tags=["Live"]), key=1, rev=2))
    assert [row[0] for row in await pool.fetch(tagged)] == ["live", "tape"]
    await index(pool, deletion(change(track(), key=1), rev=3))
    assert await pool.fetchval("select count(*) from track_tag") == 0


async def test_R11_no_update_moves_a_track(pool: Pool) -> None:
    later = NOW + timedelta(days=1)
    await index(pool, change(track(), rev=1))
    before = await one(pool, "select sort_at, indexed_at from track")
    await index(pool, change(track(createdAt="2026-10-02T00:00:00Z"), rev=2), now=later)
    assert await one(pool, "select sort_at, indexed_at from track") == before


async def test_R11_a_record_that_comes_back_keeps_its_first_sight(pool: Pool) -> None:
    create = change(track(), key=tid(1, year=2027), rev=1)
    for rev, version in enumerate([create, deletion(create, rev=2), create], start=1):
        again = version if rev < 3 else change(track(), key=create.rkey, rev=3)
        await index(pool, again, now=NOW + timedelta(days=rev))
    first = NOW + timedelta(days=1)
    assert await one(pool, "select sort_at, indexed_at from track") == (first, first)


async def test_R12_a_rewrite_without_name_and_type_keeps_them_as_a_hint(pool: Pool) -> None:
    hints = "select name, list_type, last_name, last_list_type from list"
    await index(pool, change(listing(name="Shore", listType="album"), rev=1))
    await index(pool, change(listing(TRACK_URI), rev=2))
    assert await one(pool, hints) == (None, None, "Shore", "album")
    await index(pool, change(listing(name="Mix", listType="playlist"), rev=3))
    assert await one(pool, hints) == ("Mix", "playlist", "Mix", "playlist")


async def test_R13_a_like_counts_before_its_track_is_there(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB), change(comment(), did=BOB))
    assert await subject_counts(pool, TRACK_URI) == (1, 1, 0)
    await index(pool, change(track()))
    assert await subject_counts(pool, TRACK_URI) == (1, 1, 0)


async def test_R14_likes_and_comments_survive_their_track(pool: Pool) -> None:
    create = change(track(), rev=1)
    await index(pool, create, change(like(), did=BOB), change(comment(), did=BOB))
    await index(pool, deletion(create, rev=2))
    await index(pool, change(track(), rev=3))
    assert await subject_counts(pool, TRACK_URI) == (1, 1, 0)
    assert await one(pool, 'select subject from "like"') == (TRACK_URI,)
    assert await one(pool, "select subject from comment") == (TRACK_URI,)


async def test_R15_two_likes_by_one_account_count_once(pool: Pool) -> None:
    first, second = change(like(), did=BOB, key=1), change(like(), did=BOB, key=2)
    await index(pool, first)
    await index(pool, second)
    assert await subject_counts(pool, TRACK_URI) == (1, 0, 0)
    await index(pool, deletion(first, rev=2))
    assert await subject_counts(pool, TRACK_URI) == (1, 0, 0)
    await index(pool, deletion(second, rev=3))
    assert await subject_counts(pool, TRACK_URI) == (0, 0, 0)


async def test_R16_a_stale_cid_in_a_subject_is_no_matter(pool: Pool) -> None:
    stale = like()
    stale["subject"]["cid"] = str(audio_blob()["ref"])
    await index(pool, change(track()), change(stale, did=BOB), change(like(), did=BOB, key=2))
    assert await subject_counts(pool, TRACK_URI) == (1, 0, 0)


async def test_R17_a_like_of_something_else_counts_there(pool: Pool) -> None:
    post = f"at://{ALICE}/app.bsky.feed.post/{tid(1)}"
    subjects = [post, uri(ALICE, "list", 1), f"at://{ALICE}", "at://alice.example/a.b.c/d"]
    likes = [change(like(subject), did=BOB, key=n) for n, subject in enumerate(subjects)]
    await index(pool, *likes, change(comment(post), did=BOB))
    for subject in subjects:
        assert (await subject_counts(pool, subject))[0] == 1
    received = "select coalesce(sum(likes_received), 0)::int from account_count"
    assert await one(pool, received) == (0,)


async def test_R19_the_first_profile_is_indexed(pool: Pool) -> None:
    create = change(profile(bio="hello"), key="self")
    await index(pool, create)
    assert await one(pool, "select did, bio from profile") == (ALICE, "hello")
    await index(pool, deletion(create, rev=2))
    assert await cids(pool, profile()) == []


async def test_R38_a_broken_record_leaves_its_neighbours_alone(pool: Pool) -> None:
    broken = change(track(title=None), key=2)
    nul = change(track(title="a\0b"), key=3)
    result = await index(pool, change(track()), broken, nul, change(like(), did=BOB))
    assert (result.applied, result.quarantined) == (2, 2)
    assert result.outcomes["fm.plyr.track", Outcome.QUARANTINED] == 2
    assert result.reasons == {
        QuarantineReason.INVALID_RECORD: 1,
        QuarantineReason.UNSTORABLE: 1,
    }
    assert await one(pool, "select count(*) from track") == (1,)


async def test_R48_lists_of_every_type_store_their_items_in_order(pool: Pool) -> None:
    subjects = [uri(BOB, "track", n) for n in (3, 1, 2, 1)]
    await index(pool, change(listing(*subjects, listType="album")))
    await index(pool, change(listing(*subjects[::-1], listType="liked"), key=2))
    rows = await pool.fetch("select subject from list_item order by list_uri, position")
    assert [row[0] for row in rows] == [*subjects, *subjects[::-1]]
    assert await subject_counts(pool, uri(BOB, "track", 1)) == (0, 0, 2)
    await index(pool, change(listing(subjects[0]), rev=2), change(listing(), key=2, rev=2))
    assert await subject_counts(pool, uri(BOB, "track", 1)) == (0, 0, 0)
    assert await one(pool, "select list_uri, position from list_item") == (uri(ALICE, "list", 1), 0)


async def test_a_list_that_goes_takes_its_items_along(pool: Pool) -> None:
    create = change(listing(TRACK_URI))
    await index(pool, create)
    await index(pool, deletion(create, rev=2))
    assert await pool.fetch("select uri as at from list union select list_uri from list_item") == []


async def test_a_list_that_was_away_within_a_batch_forgets_its_name(pool: Pool) -> None:
    create = change(listing(name="Shore"))
    await index(pool, create)
    await index(pool, deletion(create, rev=2), change(listing(), rev=3))
    assert await one(pool, "select last_name from list") == (None,)


async def test_an_account_counts_its_tracks_and_lists(pool: Pool) -> None:
    create = change(track(), key=1)
    others = [change(track(), key=2), change(listing()), change(like(TRACK_URI), did=BOB)]
    await index(pool, create, *others)
    counts = "select tracks, lists, likes_given, likes_received from account_count where did = "
    assert await one(pool, f"{counts} '{ALICE}'") == (2, 1, 0, 1)
    assert await one(pool, f"{counts} '{BOB}'") == (0, 0, 1, 0)
    broken = change({}, collection="fm.plyr.track", key=2, rev=2)
    await index(pool, deletion(create, rev=2), broken)
    assert await one(pool, f"{counts} '{ALICE}'") == (0, 1, 0, 1)


async def test_several_changes_of_one_record_apply_in_order(pool: Pool) -> None:
    versions = [change(track(title=str(rev)), rev=rev) for rev in (1, 3, 2)]
    result = await index(pool, *versions, deletion(versions[0], rev=1))
    assert (result.applied, result.stale) == (2, 2)
    assert await one(pool, "select title from track") == ("3",)
    result = await index(pool, deletion(versions[0], rev=4), change(track(title="5"), rev=5))
    assert await one(pool, "select title from track") == ("5",)
    await index(pool, change(track(), rev=6), deletion(versions[0], rev=7))
    assert await cids(pool, track()) == []


VERSIONS: list[tuple[str, list[dict[str, Any] | None]]] = [
    ("fm.plyr.list", [None, {}, listing(name="a"), listing(TRACK_URI), listing(listType="album")]),
    ("fm.plyr.like", [None, {}, like(), like(uri(BOB, "track", 2)), like(uri(ALICE, "list", 1))]),
]


def changes_of_records() -> st.SearchStrategy[list[RecordChange]]:
    """Few records, few versions, revs in any order."""

    def make(kind: int, key: int, version: int, rev: int) -> RecordChange:
        collection, records = VERSIONS[kind]
        return change(records[version], collection=collection, key=key, rev=rev)

    return st.lists(
        st.builds(
            make,
            st.integers(0, len(VERSIONS) - 1),
            st.integers(1, 2),
            st.integers(0, 4),
            st.integers(1, 12),
        ),
        max_size=12,
    )


ON_ONE_DATABASE = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def clear(pool: Pool) -> None:
    tables = ", ".join(f'"{table}"' for table in await dump(pool))
    await pool.execute(f"truncate {tables}")


@ON_ONE_DATABASE
@given(history=changes_of_records(), cut=st.integers(0, 4))
async def test_a_batch_leads_where_its_changes_lead_one_by_one(
    pool: Pool, history: list[RecordChange], cut: int
) -> None:
    await clear(pool)
    for item in history:
        await index(pool, item)
    one_by_one = await dump(pool, without=WHEN_ADDED)
    await clear(pool)
    await index(pool, *history[:cut])
    await index(pool, *history[cut:])
    together = await dump(pool, without=WHEN_ADDED)
    assert without_zeros(together) == without_zeros(one_by_one)


def without_zeros(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Counts come into being with the first change, in a batch only if something is left of it."""
    counts = ("subject_count", "account_count")
    return tables | {name: [row for row in tables[name] if any(row[1:])] for name in counts}


@ON_ONE_DATABASE
@given(history=changes_of_records(), cuts=st.lists(st.integers(0, 12), max_size=3))
async def test_replaying_any_stretch_changes_nothing(
    pool: Pool, history: list[RecordChange], cuts: list[int]
) -> None:
    await clear(pool)
    await index(pool, *history)
    before = await dump(pool)
    for cut in cuts:
        await index(pool, *history[cut:], now=NOW + timedelta(hours=1))
    await index(pool, *history, now=NOW + timedelta(hours=2))
    assert await dump(pool) == before


async def test_the_longest_address_of_a_picture_can_be_stored(pool: Pool) -> None:
    """Compressed away it would fit into any index."""
    path = "".join(f"{number:x}" for number in range(2_000))
    address = f"https://cdn.test/{ALICE}/{path}@jpeg"
    await index(pool, change(track(imageUrl=address)))
    assert await pool.fetchval("select image_url from track") == address


@pytest.mark.parametrize("kind", ["like", "comment", "list"])
async def test_the_longest_subject_that_is_accepted_can_be_stored(pool: Pool, kind: str) -> None:
    noise = "".join(f"{(n * 7919 + n * n) % 1_000_003:x}" for n in range(600))
    makers = {"like": like, "comment": comment, "list": listing}
    own = len(uri(ALICE, kind, 1))
    subject = f"at://did:web:{noise}"[: 2600 - own - 514] + f".x/a.b.c/{noise[:505]}"
    result = await index(pool, change(makers[kind](subject)))
    assert (len(subject) + own, result.applied) == (2600, 1)
    result = await index(pool, change(makers[kind](subject + "x"), key=2))
    assert len(uri(ALICE, kind, 2)) == own
    assert result.reasons == {QuarantineReason.UNSTORABLE: 1}


async def test_whoever_a_step_names_has_an_account(pool: Pool) -> None:
    await index(pool, change(like(), did=BOB), change({}, collection="fm.plyr.like", did=ALICE))
    accounts = await pool.fetch("select did, active, first_seen_at from account order by did")
    assert [tuple(row) for row in accounts] == [(ALICE, True, NOW), (BOB, True, NOW)]


async def test_clock_columns_say_when_we_saw_it(pool: Pool) -> None:
    later = NOW + timedelta(hours=1)
    await index(pool, change(track(), rev=1))
    await index(pool, change(track(title="b"), rev=2), now=later)
    assert await one(pool, "select seen_at, proven_at from record") == (NOW, later)
    assert await pool.fetchval("select created_at from track") == BORN


async def test_the_block_is_kept_as_its_author_signed_it(pool: Pool) -> None:
    record = track(unknown={"of": ["tomorrow"]})
    await index(pool, change(record))
    assert await one(pool, "select value from record") == (encode(record),)
