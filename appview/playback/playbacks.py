"""Tracks with everything that is known of their sound, by URI."""

from collections.abc import Sequence

from appview.row import Row
from migrations.runner import Connection

_PLAYBACKS = """
select
    shown_track.*,
    track.audio_mime,
    track.audio_size,
    account.pds,
    fact.mime_type as fact_mime,
    fact.size as fact_size,
    fact.codec,
    fact.lossless,
    fact.bitrate,
    fact.sample_rate,
    fact.channels,
    fact.read_at,
    missing.asked_at as missing_at,
    source_check.status as check_status,
    source_check.ranges,
    source_check.cors,
    source_check.mime_type as url_mime,
    source_check.size as url_size,
    source_check.checked_at
from unnest($1::text[]) as asked (uri)
join shown_track on shown_track.uri = asked.uri
join track on track.uri = asked.uri
join account on account.did = shown_track.did
left join media.audio_fact as fact on fact.cid = shown_track.audio_cid
left join media.source_check on source_check.uri = asked.uri
left join media.missing_blob as missing
    on missing.did = shown_track.did
    and missing.cid = shown_track.audio_cid
"""


async def load_playbacks(connection: Connection, uris: Sequence[str]) -> dict[str, Row]:
    """Of those that are shown."""
    if not uris:
        return {}
    return {row["uri"]: row for row in await connection.fetch(_PLAYBACKS, uris)}
