"""Lists by URI, and what can be said of one from its items."""

from collections.abc import Sequence
from dataclasses import dataclass

from appview.pagination import Row, time_cursor, time_page
from appview.rules import Trust
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

_LISTED = """
select *
from (
    select listed.*
    from ({looked_at} limit 2000) as latest
    cross join lateral (
        select * from listed_list where listed_list.uri = latest.uri limit 1
    ) as listed
    order by latest.sort_at desc, latest.uri desc
    limit 101
) as page
limit {limit}
"""

_LAST_LOOKED_AT = "{looked_at} offset 1999 limit 1"


@dataclass(frozen=True, slots=True)
class Listed:
    """Lists as feeds have them, in the order in which this statement looks at them.

    However many have nothing to show: a page looks at so many, and the next goes on from there.
    """

    looked_at: str

    async def load(
        self, connection: Connection, limit: int, *asked: object
    ) -> tuple[Sequence[Row], str | None]:
        """A page, and the cursor to the next."""
        shown = _LISTED.format(looked_at=self.looked_at, limit=f"${len(asked) + 1}")
        page, cursor = time_page(await connection.fetch(shown, *asked, limit + 1), limit)
        if cursor is None:
            last = await connection.fetchrow(
                _LAST_LOOKED_AT.format(looked_at=self.looked_at), *asked
            )
            cursor = time_cursor(last) if last else None
        return page, cursor


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
