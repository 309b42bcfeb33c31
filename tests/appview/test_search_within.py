"""A common word within a time: all of it, of however many documents hold it at other times."""

from datetime import UTC, datetime, timedelta

import pytest

from appview.queries.search_tracks import ranking
from appview.search.documents import Search, Span
from appview.search.query import parse_query
from migrations.database import Pool

# All on one shelf, one a minute.
DOCUMENTS = """
insert into derived.search_document (kind, key, tier, rank, points, at, fields, terms)
select
    'track', number::text, 5, number % 7, number % 5,
    timestamptz '2026-01-01' + number * interval '1 minute', ' common ',
    array_to_tsvector(array['t5common', 't5^com', 't5^co', 't5^c'])
from generate_series(1, 15000) as number
"""
WORD = "insert into derived.search_word values ('track', 'common', $1)"
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("text", ["common", "commo", "comon"])
@pytest.mark.parametrize("sort", ["relevance", "top"])
async def test_a_common_word_is_found_within_an_hour(pool: Pool, text: str, sort: str) -> None:
    await pool.execute(DOCUMENTS)
    await pool.execute(WORD, ["common", *("common"[:at] + "common"[at + 1 :] for at in range(6))])
    search = Search(parse_query(text), span=Span(since=NOON, until=NOON + HOUR))
    async with pool.acquire() as connection:
        hits = await ranking(connection, search, sort)
    assert len(hits) == 60
    order = [hit.rank if sort == "relevance" else hit.points for hit in hits]
    assert order == sorted(order, reverse=True)
