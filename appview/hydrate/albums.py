"""Albums by author and title, and what their tracks add up to."""

from collections.abc import Sequence
from typing import NamedTuple

from appview.pagination import Row
from migrations.runner import Connection


class AlbumKey(NamedTuple):
    """`list_uri`: one of the author's lists of that title; None for the one that stands for it."""

    did: str
    title_key: str
    list_uri: str | None = None


# On an album is what its list has and what its author's tracks say, each once, if it is shown.
# What the list has is added up already (indexer/list_sums.py), or is here if it is too new.
_ALBUMS = """
select
    author.did,
    author.handle,
    author.display_name,
    author.avatar,
    asked.title_key,
    asked.list_uri,
    list.uri,
    list.cid,
    coalesce(list.name, list.last_name) as name,
    list.created_at,
    list.sort_at,
    list.item_count as list_length,
    coalesce(listed.tracks, 0) + own.tracks as item_count,
    case
        when (coalesce(listed.tracks, 0) = 0 or listed.tracks_ms is not null)
            and (own.tracks = 0 or own.tracks_ms is not null)
        then coalesce(listed.tracks_ms + own.tracks_ms, listed.tracks_ms, own.tracks_ms)
    end as duration_ms,
    coalesce(
        (select picture from shown_track where shown_track.uri = listed.pictured),
        own.picture
    ) as picture,
    own.first_album,
    own.first_created_at
from unnest($1::text[], $2::text[], $3::text[]) as asked (did, title_key, list_uri)
join shown_account as author on author.did = asked.did
left join lateral (
    select *
    from album_list(asked.did, asked.title_key)
    where asked.list_uri is null
    union all
    select *
    from list
    where uri = asked.list_uri
) as list on true
left join derived.list_sum as kept
    on kept.uri = list.uri
    and (kept.cid = list.cid or list.is_long)
left join lateral (
    select kept.tracks, kept.tracks_ms, kept.pictured
    where kept.uri is not null
    union all
    select tracks, tracks_ms, pictured
    from list_sums(list.uri, '{}')
    where kept.uri is null
    and not list.is_long
) as listed on true
cross join lateral (
    select
        count(*) as tracks,
        case
            when bool_and(track.duration_ms is not null) then sum(track.duration_ms)::bigint
        end as tracks_ms,
        (array_agg(track.picture order by track.sort_at, track.uri) filter (
            where track.picture is not null
        ))[1] as picture,
        (array_agg(track.album order by track.sort_at, track.uri))[1] as first_album,
        (array_agg(track.created_at order by track.sort_at, track.uri))[1] as first_created_at
    from summed_track as track
    where track.did = asked.did
    and track.album_key = asked.title_key
    and not exists (
        select
        from list_item
        where list_item.subject = track.uri
        and list_item.sort_at = list.sort_at
        and list_item.list_uri = list.uri
    )
) as own
where list.uri is not null or own.tracks > 0
"""


async def load_albums(connection: Connection, albums: Sequence[AlbumKey]) -> dict[AlbumKey, Row]:
    """Those that there are; one of nothing but a list without anything to show among them."""
    if not albums:
        return {}
    dids, titles, lists = zip(*albums, strict=True)
    rows = await connection.fetch(_ALBUMS, dids, titles, lists)
    return {AlbumKey(row["did"], row["title_key"], row["list_uri"]): row for row in rows}
