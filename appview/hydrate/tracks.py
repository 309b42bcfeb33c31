"""Tracks by URI."""

from collections.abc import Sequence

from appview.row import Row
from migrations.runner import Connection

_TRACKS = """
select shown_track.*
from unnest($1::text[]) as asked (uri)
join shown_track using (uri)
"""


async def load_tracks(connection: Connection, uris: Sequence[str]) -> dict[str, Row]:
    """Those that are shown."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_TRACKS, uris)}
