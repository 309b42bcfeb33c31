"""Lists by URI, and what can be said of one from its items."""

from collections.abc import Sequence

from appview.pagination import Row
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
