"""Labels in their tables, and what they hide: the same by whatever way it came about."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import asyncpg
import pytest

from appview.commands import rebuild
from indexer.labels import hiding, store
from indexer.labels.label import Label
from indexer.labels.store import Said
from lexicons.syntax import Did
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, CAROL, TRACK_URI, TYPES, change, index, like, track

KIND, STRICT = Did("did:plc:kind"), Did("did:plc:strict")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def said(
    seq: int,
    uri: str = TRACK_URI,
    val: str = "!hide",
    *,
    neg: bool = False,
    hours: int = 0,
    expires_at: datetime | None = None,
) -> Said:
    made_at = NOW + timedelta(hours=hours)
    cts = made_at.isoformat()
    exp = None if expires_at is None else expires_at.isoformat()
    return Said(seq, Label(KIND, uri, val, "", neg, cts, made_at, exp, expires_at, b"\1" * 64, b""))


def of_strict(one: Said) -> Said:
    return Said(one.seq, replace(one.label, src=STRICT))


@pytest.fixture(autouse=True)
async def trusted(pool: Pool) -> None:
    await store.trust(pool, [KIND, STRICT])


async def write(pool: Pool, *labels: Said, by: Did = KIND) -> None:
    await store.write(pool, TYPES, by, labels, max(one.seq for one in labels))


async def held(pool: Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch("select uri, val, neg, seq from labels.label order by uri, val, src")
    return [tuple(row) for row in rows]


async def hidden(pool: Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("select subject, labeler from local.takedown order by subject, labeler")
    return [(row["subject"], row["labeler"]) for row in rows]


async def test_R45_any_order_and_any_replay_end_the_same(pool: Pool) -> None:
    negs = {TRACK_URI: (False, True), BOB: (True, False)}
    everything = [
        said(number, subject, val, neg=negs[subject][place], hours=hours)
        for number, (subject, val, hours, place) in enumerate(
            product(negs, ("!hide", "sexual"), (1, 0, 1), (0, 1)), 1
        )
    ]
    dice = random.Random(45)
    for _ in range(20):
        await pool.execute("truncate labels.label")
        shuffled = [*everything, *dice.choices(everything, k=8)]
        dice.shuffle(shuffled)
        while shuffled:
            size = dice.randint(1, 8)
            await write(pool, *shuffled[:size])
            del shuffled[:size]
        # Of the later hour the last of the stream.
        assert await held(pool) == [
            (TRACK_URI, "!hide", True, 6),
            (TRACK_URI, "sexual", True, 12),
            (BOB, "!hide", False, 18),
            (BOB, "sexual", False, 24),
        ]
        assert await hidden(pool) == [(BOB, KIND)]


async def test_labels_and_what_they_hide_come_with_the_cursor_or_not_at_all(pool: Pool) -> None:
    await write(pool, said(7))
    assert await store.load_cursor(pool, KIND) == 7
    torn = said(8, BOB)
    await pool.execute("alter table local.takedown add check (subject <> 'did:plc:bob')")
    with pytest.raises(asyncpg.CheckViolationError):
        await write(pool, torn, said(9, TRACK_URI, neg=True, hours=1))
    assert await store.load_cursor(pool, KIND) == 7
    assert await hidden(pool) == [(TRACK_URI, KIND)]
    assert await held(pool) == [(TRACK_URI, "!hide", False, 7)]


async def test_a_cursor_never_goes_back(pool: Pool) -> None:
    await write(pool, said(7))
    await write(pool, said(3, hours=-1))
    assert await store.load_cursor(pool, KIND) == 7


async def test_several_labels_of_one_labeler_hide_until_the_last_is_taken_back(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await write(pool, said(1), said(2, val="!takedown"), said(3, val="!warn"), said(4, val="spam"))
    await write(pool, said(5, neg=True, hours=1))
    assert await hidden(pool) == [(TRACK_URI, KIND)]
    assert await pool.fetchval("select count(*) from shown_track") == 0
    await write(pool, said(6, val="!takedown", neg=True, hours=1))
    assert await hidden(pool) == []
    assert await pool.fetchval("select likes from shown_track") == 1


async def test_whose_labels_count_no_more_are_forgotten(pool: Pool) -> None:
    await write(pool, said(1))
    await write(pool, of_strict(said(1)), of_strict(said(2, BOB)), by=STRICT)
    await store.trust(pool, [KIND])
    await hiding.follow_everything(pool, TYPES)
    assert await hidden(pool) == [(TRACK_URI, KIND)]
    await store.trust(pool, [])
    await hiding.follow_everything(pool, TYPES)
    assert (await hidden(pool), await held(pool)) == ([], [])


async def test_what_went_wrong_by_hand_is_put_right(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB))
    await write(pool, said(1), said(2, BOB))
    await pool.execute("delete from local.takedown where subject = $1", TRACK_URI)
    await pool.execute("insert into local.takedown (subject, labeler) values ($1, $2)", ALICE, KIND)
    await pool.execute("insert into local.takedown (subject) values ('did:plc:carol')")
    await hiding.follow_everything(pool, TYPES)
    assert await hidden(pool) == [
        (TRACK_URI, KIND),
        (BOB, KIND),
        (CAROL, ""),
    ]
    assert await pool.fetchval("select taken_down from account where did = $1", BOB)


async def test_only_labels_that_turn_by_themselves_are_looked_at_again(pool: Pool) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    await write(pool, said(1), said(2, BOB, expires_at=soon))
    await pool.execute("update labels.label set expires_at = now() where uri = $1", BOB)
    await pool.execute("delete from local.takedown where subject = $1", TRACK_URI)
    await hiding.follow_turned(pool, TYPES)
    assert await hidden(pool) == []


async def test_labels_outlive_a_rebuild(pool: Pool) -> None:
    await index(pool, change(track()))
    await write(pool, said(1))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(rebuild.EMPTY)
    await index(pool, change(track()))
    assert await pool.fetchval("select count(*) from shown_track") == 0
    assert await held(pool) == [(TRACK_URI, "!hide", False, 1)]
    assert await store.load_cursor(pool, KIND) == 1
