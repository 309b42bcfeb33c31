"""Albums by author and title, and what their tracks add up to."""

from collections.abc import Sequence
from typing import NamedTuple

from appview.row import Row
from migrations.runner import Connection


class AlbumKey(NamedTuple):
    """`list_uri`: one of the author's lists of that title; None for the one that stands for it."""

    did: str
    title_key: str
    list_uri: str | None = None


_ALBUMS = """
select card.*
from unnest($1::text[], $2::text[], $3::text[]) as asked (did, title_key, list_uri)
cross join lateral album_card(asked.did, asked.title_key, asked.list_uri) as card
"""


async def load_albums(connection: Connection, albums: Sequence[AlbumKey]) -> dict[AlbumKey, Row]:
    """Those that there are; one of nothing but a list without anything to show among them."""
    if not albums:
        return {}
    dids, titles, lists = zip(*albums, strict=True)
    rows = await connection.fetch(_ALBUMS, dids, titles, lists)
    return {AlbumKey(row["did"], row["title_key"], row["list_uri"]): row for row in rows}
