"""The rows that documents are made of, by the keys that are due."""

from collections.abc import Iterable

from indexer.search.document import (
    Document,
    actor_document,
    album_document,
    list_document,
    track_document,
)
from migrations.runner import Connection

TRACKS = """
select
    track.uri, track.did, track.title, track.artist, track.album, track.tags, track.file_type,
    coalesce(audio_fact.duration_ms, track.duration_ms) as duration_ms, track.gate_type,
    track.audio_cid, track.audio_url, track.sort_at,
    coalesce(likes + comments + in_lists, 0) as points
from unnest($1::text[]) as due (uri)
join track using (uri)
left join subject_count on subject_count.subject = track.uri
left join media.audio_fact on audio_fact.cid = track.audio_cid
"""

LISTS = """
select
    list.uri, list.did, list.title_key,
    coalesce(list.name, list.last_name) as name,
    coalesce(list.list_type, list.last_list_type) as list_type,
    list.sort_at,
    coalesce(likes + comments + in_lists, 0) as points,
    account.handle,
    bsky_profile.display_name
from unnest($1::text[]) as due (uri)
join list using (uri)
join account using (did)
left join bsky_profile using (did)
left join subject_count on subject_count.subject = list.uri
"""

ACTORS = """
select
    account.did, account.handle, account.first_seen_at, bsky_profile.display_name,
    coalesce(tracks + likes_received, 0) as points
from unnest($1::text[]) as due (did)
join account using (did)
left join bsky_profile using (did)
left join account_count using (did)
"""

# An album is named by its newest list record, else by the newest of its tracks.
ALBUMS = """
select
    due.key,
    coalesce(listed.name, track.album) as title,
    greatest(listed.sort_at, track.sort_at) as sort_at,
    coalesce(likes + comments + in_lists, 0) as points,
    account.handle,
    bsky_profile.display_name
from unnest($1::text[]) as due (key)
cross join lateral (
    select split_part(key, ' ', 1) as did, substr(key, strpos(key, ' ') + 1) as title_key
) as named
join album using (did, title_key)
join account using (did)
left join bsky_profile using (did)
left join lateral (
    select uri, coalesce(list.name, list.last_name) as name, sort_at
    from list
    where list.did = named.did
    and list.title_key = named.title_key
    and coalesce(list.list_type, list.last_list_type) = 'album'
    order by sort_at desc, uri desc
    limit 1
) as listed on true
left join lateral (
    select album, sort_at
    from track
    where track.did = named.did
    and track.album_key = named.title_key
    order by sort_at desc, uri desc
    limit 1
) as track on true
left join subject_count on subject_count.subject = listed.uri
where coalesce(listed.name, track.album) is not null
"""


async def load(connection: Connection, keys: Iterable[str]) -> list[Document]:
    """What there is to be found under these keys."""
    records, actors, albums = _sorted_out(keys)
    documents: list[Document | None] = []
    if records:
        documents += map(track_document, await connection.fetch(TRACKS, records))
        lists = await connection.fetch(LISTS, records)
        documents += map(list_document, lists)
        # An album ranks as its list does.
        albums += [
            f"{row['did']} {row['title_key']}"
            for row in lists
            if row["list_type"] == "album" and row["title_key"]
        ]
    if actors:
        documents += map(actor_document, await connection.fetch(ACTORS, actors))
    if albums:
        named = sorted(set(albums))
        documents += map(album_document, await connection.fetch(ALBUMS, named))
    return [document for document in documents if document is not None]


def _sorted_out(keys: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    records, actors, albums = [], [], []
    for key in keys:
        if key.startswith("at://"):
            records.append(key)
        elif " " in key:
            albums.append(key)
        else:
            actors.append(key)
    return records, actors, albums
