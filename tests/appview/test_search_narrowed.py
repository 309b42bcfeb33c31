"""Searches within a time and a length, against a look at every document."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from appview.pagination import EARLIEST, LATEST
from appview.queries.search_tracks import ranking
from appview.search.cursor import DEPTH
from appview.search.documents import Hit, Search, Span, as_hits
from appview.search.match import Class
from appview.search.query import parse_query
from indexer.search.follow import Search as Follower
from migrations.database import Pool, create_pool
from tests.appview.makers import Rows
from tests.databases import new_database

HORIZON = datetime(2026, 11, 20, tzinfo=UTC)
TEXTS = ("common", "comm", "rare", "common rare", '"common often"', "ommon", "often -rare", "r.are")
SORTS = ("relevance", "newest", "top")
ASKED = 120

# Every second one has `common` in its title. A third is of one day, the others of ten years; most
# are some minutes long.
TRACKS = """
insert into track (
    uri, did, rkey, cid, title, artist, file_type, duration_ms, created_at, sort_at, indexed_at
)
select
    'at://did:plc:alice/fm.plyr.track/' || n, 'did:plc:alice', n::text,
    'bafyreib2rxk3rh6kzwq',
    case n % 2 when 0 then 'Common' else 'Other' end
        || case n % 7 when 0 then ' Rare' else ' Often' end,
    'a', 'mp3',
    case n % 10
        when 0 then null
        when 1 then n * 1000
        else 100000 + n * 7919 % 250000
    end,
    '2026-01-01T00:00:00Z',
    case n % 3
        when 0 then timestamptz '2024-02-29' + n * interval '14 seconds'
        else timestamptz '2017-01-01' + n * interval '14 hours' + n * 79 % 97 * interval '1 minute'
    end,
    now()
from generate_series(1, 6000) as n
"""

EVERYTHING = """
select *
from derived.search_document
where kind = 'track'
and at >= $1
and at < $2
and ($3::bigint is null or duration_ms >= $3)
and ($4::bigint is null or duration_ms <= $4)
"""


@pytest.fixture(scope="module")
async def documents(postgres_url: str, template: str) -> AsyncIterator[Pool]:
    async with (
        new_database(postgres_url, template) as url,
        create_pool(url, min_size=1, max_size=2) as pool,
    ):
        await Rows(pool).account("alice")
        await pool.execute(TRACKS)
        await pool.execute(
            "insert into subject_count (subject, likes) select uri, rkey::bigint % 50 from track"
        )
        follower = Follower(pool)
        await follower.follow()
        await follower.settle()
        await follower.follow()
        yield pool


def some_span(chance: random.Random) -> Span:
    around = HORIZON - timedelta(days=chance.choice([1, 400, 995, 3_000]) * chance.random())
    if chance.random() < 0.3:
        around = datetime(2024, 2, 29, 12, tzinfo=UTC)
    wide = timedelta(days=10 ** chance.uniform(-2, 3.5))
    shortest = chance.randrange(400_000)
    return Span(
        chance.choice([EARLIEST, around - wide]),
        chance.choice([HORIZON, min(around + wide, HORIZON)]),
        chance.choice([None, shortest]),
        chance.choice([None, shortest + chance.randrange(100_000)]),
    )


@pytest.mark.parametrize("sort", SORTS)
async def test_a_narrowed_search_finds_what_a_look_at_everything_finds(
    documents: Pool, sort: str
) -> None:
    chance = random.Random(sort)
    found_some = 0
    async with documents.acquire() as connection:
        for number in range(ASKED):
            span = Span() if number == 0 else some_span(chance)
            search = Search(parse_query(chance.choice(TEXTS)), span=span)
            hits = await ranking(connection, search, sort, HORIZON)
            bounds = (span.since, span.until, span.min_ms, span.max_ms)
            rows = await connection.fetch(EVERYTHING, *bounds)
            expected = as_hits(search.query, rows)
            assert_as_good(list(hits), expected, sort)
            found_some += len(hits) > 0
    assert found_some > ASKED / 2


def assert_as_good(hits: list[Hit], expected: list[Hit], sort: str) -> None:
    assert set(hits) <= set(expected)
    wide = [hit for hit in expected if hit.match.of <= Class.PREFIX]
    if sort == "newest" and wide:
        wide.sort(key=lambda hit: (hit.at, hit.id), reverse=True)
        assert hits == wide[:DEPTH]
    elif len(expected) <= DEPTH:
        assert {hit.id for hit in hits} == {hit.id for hit in expected}
    else:
        assert len(hits) >= DEPTH
    if sort == "relevance":
        assert hits == sorted(hits, key=lambda hit: hit.order)


# All on one shelf, four a minute.
CROWD = """
insert into derived.search_document (kind, key, tier, rank, points, at, fields, terms)
select
    'track', n::text, 5, n % 7, n % 5, at, ' common ',
    array_to_tsvector(
        array['t5common', 't5^com', 't5^co', 't5^c', 't5@at ' || (at at time zone 'utc')::date]
    )
from generate_series(1, 30000) as n
cross join lateral (select timestamptz '2026-01-01' + n * interval '15 seconds' as at) as made
"""
WORD = "insert into derived.search_word values ('track', 'common', $1)"
NOON = datetime(2026, 1, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("text", ["common", "commo", "comon"])
@pytest.mark.parametrize("sort", SORTS)
async def test_an_hour_of_a_crowded_day_is_found(pool: Pool, text: str, sort: str) -> None:
    await pool.execute(CROWD)
    await pool.execute(WORD, ["common", *("common"[:at] + "common"[at + 1 :] for at in range(6))])
    search = Search(parse_query(text), span=Span(since=NOON, until=NOON + HOUR))
    async with pool.acquire() as connection:
        hits = await ranking(connection, search, sort, HORIZON)
    assert len(hits) == 240


def test_a_time_and_a_length_are_asked_for_by_terms() -> None:
    assert Span().filters == []
    assert Span(max_ms=45_000).filters == [["@length 0", "@length 1"]]
    assert Span(min_ms=7_000_000).filters == [["@length 21", "@length 22"]]
    assert Span(since=NOON, until=NOON + HOUR).filters == [["@at 2026-01-03"]]


async def test_a_span_without_any_time_or_length_finds_nothing(pool: Pool) -> None:
    async with pool.acquire() as connection:
        for span in (Span(since=NOON, until=NOON), Span(NOON, LATEST.replace(year=1970))):
            for sort in SORTS:
                search = Search(parse_query("common"), span=span)
                assert not await ranking(connection, search, sort, HORIZON)
