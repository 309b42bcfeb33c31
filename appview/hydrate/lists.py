"""Lists by URI, and what can be said of one from its items."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from appview.pagination import looked_page, time_cursor
from appview.row import Row
from appview.rules import Trust
from lexicons.syntax import Did
from migrations.runner import Connection

_LISTS = """
select shown_list.*
from unnest($1::text[]) as asked (uri)
join shown_list using (uri)
"""

_CARDS = """
select shown_list.*, summary.*
from unnest($1::text[]) as asked (uri)
join shown_list using (uri)
cross join lateral list_summary(
    shown_list.uri, shown_list.cid, shown_list.is_long, $2::text[]
) as summary
"""

_SUMMARIES = """
select list.uri as list_uri, summary.*
from unnest($1::text[]) as asked (uri)
join list on list.uri = asked.uri
cross join lateral list_summary(list.uri, list.cid, list.is_long, $2::text[]) as summary
"""

# Everybody's lists, those of a type, or those of one author, each along an index of its own. A page
# looks at so many, the next goes on there: anybody can make any number with nothing to show.
_LISTED = """
select looked_at.*, listed.*
from (
    select *, row_number() over (order by key_at desc, key_uri desc) = 2000 as is_last
    from (
        (
            select sort_at as key_at, uri as key_uri
            from list
            where $1::text is null
            and $2::text is null
            and (sort_at, uri) < ($3, $4)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select sort_at, uri
            from list
            where $1::text is null
            and coalesce(list_type, last_list_type) = $2
            and (sort_at, uri) < ($3, $4)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select sort_at, uri
            from list
            where did = $1
            and ($2::text is null or coalesce(list_type, last_list_type) = $2)
            and (sort_at, uri) < ($3, $4)
            order by sort_at desc, uri desc
            limit 2000
        )
    ) as asked
    order by key_at desc, key_uri desc
    limit 2000
) as looked_at
left join lateral (
    select true as is_shown, listed_list.*
    from listed_list
    where listed_list.uri = looked_at.key_uri
    limit 1
) as listed on true
where is_shown or is_last
order by key_at desc, key_uri desc
limit $5
"""


async def load_listed(
    connection: Connection,
    start: tuple[datetime, str],
    limit: int,
    *,
    author: Did | None = None,
    list_type: str | None = None,
) -> tuple[Sequence[Row], str | None]:
    """A page of lists as feeds have them, newest first, and the cursor to the next."""
    rows = await connection.fetch(_LISTED, author, list_type, *start, limit + 1)
    return looked_page(rows, limit, partial(time_cursor, at="key_at", uri="key_uri"))


async def load_lists(connection: Connection, uris: Sequence[str]) -> dict[str, Row]:
    """Those that are shown."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_LISTS, uris)}


async def load_cards(connection: Connection, uris: Sequence[str], trust: Trust) -> dict[str, Row]:
    """Those that are shown, each with its summary."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_CARDS, uris, trust.hosts)}


async def load_summaries(
    connection: Connection, uris: Sequence[str], trust: Trust
) -> dict[str, Row]:
    """How long, if that is known of all; how many of its tracks can be played; a picture."""
    if not uris:
        return {}
    rows = await connection.fetch(_SUMMARIES, uris, trust.hosts)
    return {row["list_uri"]: row for row in rows}
