"""Whatever is typed is taken apart, and put together as Postgres reads it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appview.search.cursor import checksum, decode, encode
from appview.search.match import distance, match
from appview.search.query import MAX_EXCLUDED, MAX_WORDS, Query, parse_query
from appview.search.shelves import first_stages, later_stage, tsqueries
from lexicons.words import is_sign
from migrations.database import Pool
from xrpc.errors import XrpcError

TYPED = st.text(alphabet=st.sampled_from("ab夜é1\"“”'-–\\:*&|!() \t@#%_"), max_size=40) | st.text()
NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Says  NILS", Query(("says", "nils"), joined=("says", "nils"))),
        ('"Black Sun" cover', Query(("cover",), (("black", "sun"),), joined=("cover",))),
        ("“black sun”", Query((), (("black", "sun"),))),
        ("joga -live", Query(("joga",), (), (("live",),), ("joga",))),
        ('joga -"live at"', Query(("joga",), (), (("live", "at"),), ("joga",))),
        ("lo-fi", Query(("lo", "fi"), joined=("lofi",))),
        ('"still typi', Query(("still", "typi"), joined=("still", "typi"))),
        ("says ...?", Query(("says",), joined=("says",))),
        ("!!! says", Query(("says",), joined=("says",))),
        ("!!!", Query(("!!!",), joined=("!!!",))),
        ('"..."', Query(("...",), joined=("...",))),
        ("-live ...", Query((), (), (("live",),))),
        ("% _ \\", Query(())),
        ("", Query(())),
    ],
)
def test_words_phrases_and_what_is_not_wanted(text: str, query: Query) -> None:
    assert parse_query(text) == query


@given(TYPED)
def test_a_query_is_bounded_and_of_words(text: str) -> None:
    query = parse_query(text)
    assert len(query.words) <= MAX_WORDS >= len(query.joined)
    assert len(query.phrases) <= MAX_WORDS
    assert len(query.without) <= MAX_EXCLUDED
    for word in (*query.words, *sum(query.phrases, ()), *sum(query.without, ())):
        assert word
        assert not set(word) & set(" '\"\\%_")
        assert is_sign(word) or not set(word) & set(":*&|!()")


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=MAX_WORDS))
def test_plain_words_come_back_as_they_were(typed: list[str]) -> None:
    assert parse_query(" ".join(typed)).words == tuple(typed)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TYPED)
async def test_postgres_reads_every_query(pool: Pool, text: str) -> None:
    query = parse_query(text)
    if query.is_empty:
        return
    stages = [*first_stages(query), later_stage(query, {word: ["other"] for word in query.words})]
    filters = [["@author did:plc:it's \\ so", "@x"]]
    asked = [text for stage in stages for text in tsqueries("track", query, stage, filters)]
    read = await pool.fetchval("select $1::text[]::tsquery[]", asked)
    assert len(read) == len(asked)


@given(TYPED, st.lists(TYPED, min_size=4, max_size=4))
def test_any_query_meets_any_document(text: str, fields: list[str]) -> None:
    query = parse_query(text)
    if not query.is_empty:
        match(query, "track", "\n".join(field.replace("\n", " ") for field in fields))


@given(st.text(alphabet="abc", max_size=6), st.text(alphabet="abc", max_size=6))
def test_the_distance_of_two_words_is_that_of_a_slow_twin(one: str, other: str) -> None:
    slow = slow_distance(one, other)
    for limit in (1, 2, 3):
        assert distance(one, other, limit) == min(slow, limit + 1)


def slow_distance(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    costs = [
        slow_distance(one[1:], other) + 1,
        slow_distance(one, other[1:]) + 1,
        slow_distance(one[1:], other[1:]) + (one[0] != other[0]),
    ]
    if len(one) > 1 and len(other) > 1 and one[0] == other[1] and one[1] == other[0]:
        costs.append(slow_distance(one[2:], other[2:]) + 1)
    return min(costs)


@given(st.lists(st.integers(0, 2**55), min_size=1, max_size=300))
def test_a_cursor_holds_its_ranking(ids: list[int]) -> None:
    question = checksum("m", {"q": "a", "limit": 5})
    assert decode(encode(ids, NOW, question), NOW + 3600, question) == (ids, NOW)
    # Made by a server whose clock is ahead of that of the next one.
    assert decode(encode(ids, NOW, question), NOW - 60, question) == (ids, NOW)


def test_a_cursor_is_short_enough_for_any_proxy() -> None:
    assert len(encode(range(2**27, 2**27 + 300), NOW, b"1234")) < 2_000


@pytest.mark.parametrize(
    ("now", "question", "error"),
    [
        (NOW + 3601, b"1234", "CursorExpired"),
        (NOW - 61, b"1234", "CursorExpired"),
        (NOW, b"4321", "InvalidRequest"),
    ],
)
def test_a_cursor_ends_with_its_hour_and_its_question(
    now: int, question: bytes, error: str
) -> None:
    with pytest.raises(XrpcError) as refused:
        decode(encode([1, 2], NOW, b"1234"), now, question)
    assert refused.value.name == error


@given(st.text() | st.from_regex(r"c[A-Za-z0-9_-]{0,60}", fullmatch=True))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(XrpcError):
        decode(text, NOW, b"\0\0\0\0")
