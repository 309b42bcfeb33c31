"""Pages of the log and the ring behind them: whoever goes from place to place misses nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appview.events.event import Event, Wants, cbor_map
from appview.events.log import READ, Page, read_page
from appview.events.ring import FallenBehind, Ring
from lexicons.data_model import Value, encode
from migrations.database import Pool
from tests.lexicons.strategies import KEYS, VALUES

ALL = Wants()
ON_ONE_DATABASE = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one of two accounts, with a record of that many bytes, None: without."""

    did: str
    size: int | None


TOLD = st.builds(Told, st.sampled_from(["did:plc:a", "did:plc:b"]), st.sampled_from([None, 0, 40]))


async def fill(pool: Pool, told: list[Told]) -> None:
    await pool.execute("truncate stream.event, record, account")
    await pool.execute("insert into account (did) values ('did:plc:a'), ('did:plc:b')")
    for seq, one in enumerate(told, start=1):
        await pool.execute(
            """
            insert into stream.event (seq, at, kind, did, collection, rkey, cid, action)
            values ($1, now(), $2, $3, 'a.b.c', $4, 'c', 'create')
            """,
            seq,
            "identity" if one.size is None else "record",
            one.did,
            str(seq),
        )
        if one.size is not None:
            await pool.execute(
                """
                insert into record (did, collection, rkey, cid, rev, state, counted, value)
                values ($1, 'a.b.c', $2, 'c', 'r', 'valid', true, $3)
                """,
                one.did,
                str(seq),
                b"x" * one.size,
            )
    await pool.execute("update stream.state set last_seq = $1, trimmed_seq = 0", len(told))


@ON_ONE_DATABASE
@given(
    told=st.lists(TOLD, max_size=12),
    wants=st.sampled_from([ALL, Wants(dids=["did:plc:a"]), Wants(collections=["a.b.d"])]),
    limit=st.integers(1, 5),
    size=st.integers(1, 100),
)
async def test_pages_of_any_size_are_together_the_whole(
    pool: Pool, told: list[Told], wants: Wants, limit: int, size: int
) -> None:
    await fill(pool, told)
    read: list[int] = []
    place = 0
    async with pool.acquire() as connection:
        while place < len(told):
            page = await read_page(connection, place, wants, limit, size)
            assert page.reached > place
            assert sum(len(event.value or b"") for event in page.events[:-1]) < size
            place = page.reached
            read += [event.seq for event in page.events]
    assert read == [
        seq
        for seq, one in enumerate(told, start=1)
        if (wants.dids is None or one.did in wants.dids)
        and (wants.collections is None or one.size is None)
    ]


async def test_a_page_is_read_by_keys_however_large_the_tables(pool: Pool) -> None:
    await pool.execute(
        """
        insert into stream.event (seq, at, kind, did, collection, rkey, cid, action)
        select number, now(), 'record', 'did:plc:' || number % 100, 'a.b.c', number, 'c', 'create'
        from generate_series(1, 30000) as number;
        insert into record (did, collection, rkey, cid, rev, state, counted)
        select did, collection, rkey, cid, 'r', 'valid', true from stream.event;
        insert into account (did) select distinct did from stream.event;
        """
    )
    await pool.execute("analyze stream.event; analyze record; analyze account")
    rows = await pool.fetch(f"explain {READ}", 20_000, 500, None, None, 1 << 20)
    plan = "\n".join(row[0] for row in rows)
    assert "event_pkey" in plan
    assert "record_pkey" in plan
    assert "Seq Scan on event" not in plan
    assert "Seq Scan on record" not in plan


def an_event(seq: int, size: int = 0) -> Event:
    return Event(seq, datetime(2026, 1, 1, tzinfo=UTC), "identity", "did:plc:a", {}, b"x" * size)


def a_page(*seqs: int, trimmed: int = 0, size: int = 0) -> Page:
    return Page(tuple(an_event(seq, size) for seq in seqs), seqs[-1], trimmed, seqs[-1])


@given(
    pages=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    room=st.integers(1, 10),
    joins=st.integers(0, 7),
)
async def test_a_place_in_the_ring_gives_all_that_follows_or_says_that_it_cannot(
    pages: list[int], room: int, joins: int
) -> None:
    ring, told = Ring(0), 0
    place, heard, fell = 0, [], False
    for number, count in enumerate(pages):
        seqs = list(range(told + 1, told + count + 1))
        told += count
        ring.take(a_page(*seqs), events=room)
        if number == joins:
            place = ring.reached
        elif number > joins and not fell:
            try:
                heard += [event.seq for event in ring.after(place)]
            except FallenBehind:
                fell = True
                assert count > room
            else:
                place = heard[-1]
    if not fell and joins < len(pages):
        assert heard == list(range(sum(pages[: joins + 1]) + 1, told + 1))
    assert ring.reached == told
    assert ring.floor == max(0, told - room)


def test_the_ring_is_bounded_in_bytes() -> None:
    ring = Ring(0)
    for seq in range(1, 100):
        ring.take(a_page(seq, size=10_000), size=50_000)
    assert ring.floor == 95
    assert [event.seq for event in ring.after(95)] == [96, 97, 98, 99]
    ring.take(a_page(100, size=60_000), size=50_000)
    assert ring.floor == 100


def test_a_log_that_was_emptied_leaves_nobody_a_place() -> None:
    ring = Ring(0)
    ring.take(a_page(1, 2))
    ring.take(a_page(12, trimmed=10))
    with pytest.raises(FallenBehind):
        ring.after(2)
    assert [event.seq for event in ring.after(10)] == [12]


@given(st.dictionaries(KEYS, VALUES, max_size=20))
def test_a_map_of_encoded_parts_is_the_map_encoded(fields: dict[str, Any]) -> None:
    whole: Value = {**fields}
    parts = {name: encode(value) for name, value in fields.items()}
    assert cbor_map(parts) == encode(whole)
