"""Results of several kinds, each in its Basic view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appview.hydrate.accounts import load_profiles
from appview.hydrate.albums import AlbumKey, load_albums
from appview.hydrate.lists import load_lists
from appview.hydrate.tracks import load_tracks
from appview.rules import Trust
from appview.search.candidates import Hit
from appview.views.actor import profile_view_basic
from appview.views.album import album_view
from appview.views.list import list_view_basic
from appview.views.track import track_view_basic
from lexicons.terms import Kind
from lexicons.types import AlbumView, ListViewBasic, ProfileViewBasic, TrackViewBasic
from migrations.runner import Connection

KINDS: tuple[Kind, ...] = ("actor", "track", "list", "album")


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
    actors = await load_profiles(connection, keys_of(hits, "actor"))
    tracks = await load_tracks(connection, keys_of(hits, "track"))
    lists = await load_lists(connection, keys_of(hits, "list"))
    return Mixed(
        {did: profile_view_basic(row, trust.origin) for did, row in actors.items()},
        {uri: track_view_basic(row, trust) for uri, row in tracks.items()},
        {uri: list_view_basic(row, None, trust) for uri, row in lists.items()},
        await load_shown_albums(connection, keys_of(hits, "album"), trust),
    )


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
