"""Results of several kinds, each in its Basic view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appview.hydrate.albums import AlbumKey, load_albums
from appview.rules import Trust
from appview.search.documents import Hit
from appview.views.actor import profile_view_basic
from appview.views.album import album_view
from appview.views.images import artwork
from appview.views.list import list_view_basic
from appview.views.track import track_view_basic
from lexicons.terms import Kind
from lexicons.types import AlbumView, ListViewBasic, ProfileViewBasic, TrackViewBasic
from migrations.runner import Connection

KINDS: tuple[Kind, ...] = ("actor", "track", "list", "album")

# Each kind in a column of its own, an album in those of its card. `cover`: a list has the first
# picture of its tracks.
MIXED = """
select asked.key, actor, track, list, cover.picture as cover, album.*
from unnest($1::text[], $2::text[]) as asked (kind, key)
left join shown_account as actor on asked.kind = 'actor' and actor.did = asked.key
left join shown_track as track on asked.kind = 'track' and track.uri = asked.key
left join shown_list as list on asked.kind = 'list' and list.uri = asked.key
left join lateral list_summary(list.uri, list.cid, list.is_long, $3::text[]) as cover on true
left join lateral album_card(
    case when asked.kind = 'album' then split_part(asked.key, ' ', 1) end,
    substring(asked.key from ' (.*)'),
    null
) as album on true
"""


@dataclass(frozen=True, slots=True)
class Mixed:
    """By key; what is hidden is absent."""

    actors: dict[str, ProfileViewBasic] = field(default_factory=dict)
    tracks: dict[str, TrackViewBasic] = field(default_factory=dict)
    lists: dict[str, ListViewBasic] = field(default_factory=dict)
    albums: dict[str, AlbumView] = field(default_factory=dict)


def kinds_of(types: Sequence[str] | None) -> list[Kind]:
    return [kind for kind in KINDS if not types or kind in types]


def keys_of(hits: Sequence[Hit], kind: Kind) -> list[str]:
    return [hit.key for hit in hits if hit.kind == kind]


async def load_mixed(connection: Connection, hits: Sequence[Hit], trust: Trust) -> Mixed:
    found = Mixed()
    if not hits:
        return found
    asked = [(hit.kind, hit.key) for hit in hits]
    for row in await connection.fetch(MIXED, *zip(*asked, strict=True), trust.hosts):
        if row["actor"] is not None:
            found.actors[row["key"]] = profile_view_basic(row["actor"], trust.origin)
        elif row["track"] is not None:
            found.tracks[row["key"]] = track_view_basic(row["track"], trust)
        elif row["list"] is not None:
            found.lists[row["key"]] = list_view_basic(row["list"], None, trust)
            if (picture := artwork(trust.origin, row["cover"])) is not None:
                found.lists[row["key"]]["artwork"] = picture
        elif row["item_count"]:
            found.albums[row["key"]] = album_view(row, trust)
    return found


async def load_shown_albums(
    connection: Connection, keys: Sequence[str], trust: Trust
) -> dict[str, AlbumView]:
    """By the keys of their documents; an album needs a track that is shown."""
    albums = {key: AlbumKey(*key.split(" ", 1)) for key in keys}
    rows = await load_albums(connection, list(albums.values()))
    return {
        key: album_view(rows[album], trust)
        for key, album in albums.items()
        if album in rows and rows[album]["item_count"] > 0
    }
