"""Processes that strangers' bytes have taken over: what they answer is strangers' bytes, too."""

import asyncio
import math
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appview.playback.answer import LARGEST, Facts, Unreadable, pack, parse
from appview.playback.facts import AT_ONCE, FactReader
from migrations.database import Pool
from tests.appview.makers import AN_AUDIO_CID, Rows
from tests.appview.test_facts import CID, file_of
from xrpc.places import Places
from xrpc.tasks import end

MP3 = Facts("audio/mpeg", "mp3", False, 4_000, 128_000, 48_000, 2, True)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=400)
    | st.sampled_from(["audio/mpeg", "image/png", "mp3", "a\0b", 0, 1, LARGEST, 10**13]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


async def kept(pool: Pool, answer: bytes) -> dict[str, Any]:
    """What becomes of it in the table."""
    with file_of(answer) as file:
        await FactReader(pool, reader="tests.appview.taken_over").note(CID, file)
    row = await pool.fetchrow("select * from media.audio_fact where cid = $1", AN_AUDIO_CID)
    assert row is not None, "it would be read again and again"
    return dict(row)


async def test_what_a_reader_says_is_kept(pool: Pool, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice")
    row = await kept(pool, pack(MP3))
    assert {name: row[name] for name in asdict(MP3)} == asdict(MP3)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b'"a text"',
        b"[" * 9_000,
        b" " * 1_000_000,
        b'{"trouble": "a\\u0000b"}',
        orjson.dumps(asdict(MP3) | {"codec": "a\0b"}),
        orjson.dumps(asdict(MP3) | {"duration_ms": 2**63}),
    ],
    ids=["none", "null", "text", "deep", "endless", "nul in trouble", "nul in codec", "huge"],
)
async def test_of_a_reader_that_says_anything_else_no_more_than_that_is_kept(
    pool: Pool, rows: Rows, answer: bytes
) -> None:
    await rows.account("alice")
    await rows.track("alice")
    row = await kept(pool, answer)
    assert row["trouble"]
    assert not any(row[name] for name in asdict(MP3))


async def test_readers_that_never_end_give_way_to_other_sounds(pool: Pool, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice")
    reader = FactReader(
        pool, seconds=600, reader="tests.appview.taken_over", places=Places(AT_ONCE, 0.2)
    )
    with file_of(b"nothing") as endless, file_of(pack(MP3)) as sound:
        stuck = [asyncio.create_task(reader.note(CID, endless)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        await reader.note(CID, sound)
        assert any(one.done() for one in stuck)
        await end(stuck)
    assert await pool.fetchval("select codec from media.audio_fact") == "mp3"


@given(st.binary() | JSON.map(orjson.dumps))
@example(b'{"trouble": NaN}')
@example(b"\xff")
def test_no_answer_is_more_than_facts_or_a_reason(answer: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(answer)
    assert 0 < len(str(refused.value)) <= 300


@given(st.sampled_from(list(asdict(MP3))), JSON)
def test_a_fact_is_what_it_can_be_of_a_sound(name: str, value: Any) -> None:
    with suppress(Unreadable):
        facts = parse(orjson.dumps(asdict(MP3) | {name: value}))
        said = asdict(facts)[name]
        assert said == value
        assert type(said) is type(getattr(MP3, name)) or (said is None and name != "mime_type")
        if isinstance(said, str):
            assert len(said) <= 32
            assert said.isprintable()
        elif said is not None:
            assert 0 <= said <= LARGEST


@pytest.mark.parametrize("name", ["duration_ms", "bitrate", "sample_rate", "channels"])
@pytest.mark.parametrize("value", [True, 0, -1, 1.0, 2**31 * 1.0, 2**31, 2**64 - 1, math.pi])
def test_a_number_that_no_sound_has_is_refused(name: str, value: float) -> None:
    with pytest.raises(Unreadable, match=name):
        parse(orjson.dumps(asdict(MP3) | {name: value}))


@given(st.text())
def test_a_reason_is_read_as_it_was_given(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(pack(Unreadable(ascii(text))))
    assert str(refused.value) == ascii(text)[:300]


def test_facts_are_read_as_they_were_given() -> None:
    assert parse(pack(MP3)) == MP3
    nothing = Facts("audio/wav", None, True, None, None, None, None, False)
    assert parse(pack(nothing)) == nothing
