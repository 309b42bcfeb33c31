"""What is told of records and accounts: exactly what the index comes to show, or shows no more."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import mending, moderation
from indexer.events import RecordChange
from indexer.moderation import Decision, Subject
from indexer.steps import AccountStatus, Step
from lexicons.syntax import Did, Handle
from migrations.database import Pool
from tests.indexer.changes import (
    ALICE,
    BOB,
    NOW,
    TRACK_URI,
    TYPES,
    change,
    comment,
    deletion,
    index,
    like,
    new_writer,
    tid,
    track,
)
from tests.indexer.stream import filled, told
from xrpc.identity_store import Identity, IdentityStore

SONG = f"{ALICE}/track/{tid(1)}"


async def hear(pool: Pool, *changes: RecordChange) -> list[tuple[object, ...]]:
    """What one batch of changes adds to what is told."""
    before = len(await told(pool))
    await index(pool, *changes)
    return (await told(pool))[before:]


async def test_a_record_is_created_updated_and_deleted(pool: Pool) -> None:
    first, second = change(track()), change(track(title="Lake"), rev=2)
    assert await hear(pool, first) == [("create", SONG, first.cid, None)]
    assert await hear(pool, second) == [("update", SONG, second.cid, None)]
    assert await hear(pool, deletion(first, rev=3)) == [("delete", SONG, None, "deleted")]


async def test_what_is_stale_is_told_only_once(pool: Pool) -> None:
    assert await hear(pool, change(track(), rev=2))
    assert await hear(pool, change(track(), rev=2), change(track(title="Old"), rev=1)) == []


async def test_what_was_never_shown_is_not_told(pool: Pool) -> None:
    broken = change({"$type": "fm.plyr.track", "title": 7})
    assert await hear(pool, broken) == []
    assert await hear(pool, deletion(broken, rev=2)) == []


async def test_an_invalid_version_is_the_end_of_a_valid_one(pool: Pool) -> None:
    await hear(pool, change(track()))
    broken = change({"$type": "fm.plyr.track", "title": 7}, rev=2)
    assert await hear(pool, broken) == [("delete", SONG, None, "invalid")]
    mended = change(track(), rev=3)
    assert await hear(pool, mended) == [("create", SONG, mended.cid, None)]


async def test_of_changes_in_one_batch_the_last_is_told_in_its_place(pool: Pool) -> None:
    first, other, last = (
        change(track()),
        change(comment(), did=BOB, rev=2),
        change(track(title="Lake"), rev=3),
    )
    heard = await hear(pool, first, other, last)
    assert [(action, cid) for action, _, cid, _ in heard] == [
        ("create", other.cid),
        ("create", last.cid),
    ]


async def test_the_walks_of_the_first_filling_tell_nothing_and_later_ones_do(pool: Pool) -> None:
    walked = replace(change(track()), live=False)
    heard_live = change(like(), did=BOB)
    assert [action for action, *_ in await hear(pool, walked, heard_live)] == ["create"]
    await filled(pool)
    found = replace(change(track(), key=2), live=False)
    assert len(await hear(pool, found)) == 1
    assert await pool.fetchval("select live from stream.outbox order by id desc limit 1") is False


async def test_a_takedown_of_a_record_is_told_and_taken_back(pool: Pool) -> None:
    song = change(track())
    await hear(pool, song)
    decision = Decision(Subject(TRACK_URI), "tests")
    await moderation.take_down(pool, TYPES, decision)
    assert (await told(pool))[-1] == ("delete", SONG, None, "taken-down")
    later = change(track(title="Lake"), rev=2)
    assert await hear(pool, later) == []
    await moderation.restore(pool, TYPES, decision)
    assert (await told(pool))[-1] == ("create", SONG, later.cid, None)


async def test_what_a_mending_forgets_is_told_and_comes_anew(pool: Pool) -> None:
    song, gone = change(track()), change(track(), key=2)
    await hear(pool, song, gone)
    places = [(one.collection, one.rkey) for one in (song, gone)]
    await mending.forget(new_writer(pool), ALICE, places)
    assert (await told(pool))[2:] == [
        ("delete", SONG, None, "deleted"),
        ("delete", f"{ALICE}/track/{tid(2)}", None, "deleted"),
    ]
    assert await hear(pool, song, deletion(gone, rev=1)) == [("create", SONG, song.cid, None)]


async def set_status(pool: Pool, status: str, *, active: bool) -> None:
    step = Step(ALICE, account=AccountStatus(ALICE, status, active))
    await new_writer(pool).write([step], None)


async def test_an_account_is_told_whenever_it_is_hidden_or_shown(pool: Pool) -> None:
    await index(pool, change(track()))
    await set_status(pool, "deactivated", active=False)
    await set_status(pool, "deactivated", active=False)
    await set_status(pool, "deleted", active=False)
    await set_status(pool, "active", active=True)
    await moderation.take_down(pool, TYPES, Decision(Subject(ALICE), "tests"))
    await set_status(pool, "suspended", active=False)
    await moderation.restore(pool, TYPES, Decision(Subject(ALICE), "tests"))
    assert [event for event in await told(pool) if event[0] == "account"] == [
        ("account", ALICE, False, "deactivated"),
        ("account", ALICE, False, "deleted"),
        ("account", ALICE, True, None),
        ("account", ALICE, False, "takendown"),
        ("account", ALICE, False, "suspended"),
    ]


async def resolved(pool: Pool, did: Did, handle: str | None, age: int) -> None:
    proven = None if handle is None else Handle(handle)
    at = NOW + timedelta(seconds=age)
    await IdentityStore(pool).save(Identity(did, None, None, proven, proven, at))


async def test_a_handle_that_changes_hands_is_told_of_both(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await filled(pool)
    await resolved(pool, ALICE, "sea.test", 1)
    await resolved(pool, ALICE, "sea.test", 2)
    await resolved(pool, BOB, "sea.test", 3)
    assert [event for event in await told(pool) if event[0] == "identity"] == [
        ("identity", ALICE, "sea.test"),
        ("identity", ALICE, None),
        ("identity", BOB, "sea.test"),
    ]


async def test_whom_the_first_filling_meets_is_not_told(pool: Pool) -> None:
    await index(pool, change(track()))
    await resolved(pool, ALICE, "sea.test", 1)
    assert len(await told(pool)) == 1
    await resolved(pool, ALICE, "lake.test", 2)
    assert (await told(pool))[1:] == [("identity", ALICE, "lake.test")]


VALUES = [
    None,
    track(),
    track(title="Lake"),
    {"$type": "fm.plyr.track", "title": 7},
]
CHANGES = st.tuples(st.sampled_from(range(3)), st.sampled_from(VALUES), st.integers(1, 6))


@given(batches=st.lists(st.lists(CHANGES, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whoever_follows_what_is_told_comes_to_hold_what_is_shown(
    pool: Pool, batches: list[list[tuple[int, dict[str, object] | None, int]]]
) -> None:
    await pool.execute("truncate record, track, stream.outbox")
    mirror: dict[object, object] = {}
    for batch in batches:
        changes = [
            change(value, collection="fm.plyr.track", key=key, rev=rev) for key, value, rev in batch
        ]
        for action, place, cid, _ in await hear(pool, *changes):
            assert (action == "create") == (place not in mirror)
            if action == "delete":
                del mirror[place]
            else:
                mirror[place] = cid
    shown = await pool.fetch("select did || '/track/' || rkey as place, cid from track")
    assert mirror == {row["place"]: row["cid"] for row in shown}
