"""sort=newest for words that few documents have, and for such as thousands have."""

from datetime import UTC, datetime
from itertools import product

from appview.search.documents import Search, Span, by_time
from appview.search.query import parse_query
from migrations.database import Pool

WANTED = 300

# Every second one has `common` in its title, of which few enough to be sorted have `rare`, too.
DOCUMENTS = """
insert into derived.search_document
    (kind, key, tier, rank, points, at, duration_ms, fields, terms)
select
    'track', number::text, number % 6, 0, 0,
    timestamptz '2026-01-01' + (number * 7919) % 24000 * interval '1 minute',
    number % 7,
    case number % 2 when 0 then ' common ' else ' other ' end
        || case number % 5 when 0 then 'rare ' else 'often ' end,
    array_to_tsvector(array[
        't' || number % 6 || case number % 2 when 0 then 'common' else 'other' end,
        't' || number % 6 || case number % 5 when 0 then 'rare' else 'often' end,
        't' || number % 6 || '^' || case number % 2 when 0 then 'com' else 'oth' end,
        't' || number % 6 || '^' || case number % 5 when 0 then 'rar' else 'oft' end
    ])
from generate_series(1, 24000) as number
"""

SLOW_TWIN = """
select id
from derived.search_document
where fields like all ($1::text[])
and at >= $2
and at < $3
and ($4::bigint is null or duration_ms >= $4)
and ($5::bigint is null or duration_ms <= $5)
order by at desc, id desc
limit $6
"""

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
EVENING = datetime(2026, 1, 9, 18, tzinfo=UTC)


SPANS = (Span(), Span(until=NOON), Span(since=NOON, until=EVENING), Span(min_ms=2, max_ms=2))
TEXTS = ("common", "rare", "common rare", '"common often"')


async def test_the_newest_that_have_the_words_are_found(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute(DOCUMENTS)
        for text, span in product(TEXTS, SPANS):
            query = parse_query(text)
            hits = await by_time(connection, Search(query, span=span), "track", WANTED)
            phrases = [*([word] for word in query.words), *query.phrases]
            asked = [f"% {' '.join(phrase)} %" for phrase in phrases]
            rows = await connection.fetch(
                SLOW_TWIN, asked, span.since, span.until, span.min_ms, span.max_ms, WANTED
            )
            assert rows
            assert [hit.id for hit in hits] == [row["id"] for row in rows], (text, span)
