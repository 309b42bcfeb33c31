"""What a page shows of a track or a list: plain facts from the views, ready for a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lexicons.types import ListView, ProfileViewBasic, TrackView

# Types that `og:audio:type` and <source> may name, by the file's ending in the record.
AUDIO_TYPES = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "audio/mp4",
    "aac": "audio/aac",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "webm": "audio/webm",
}
WHY_SILENT = {
    "gated": "This track is for the artist's supporters.",
    "unavailable": "There is no audio for this track that could be played here.",
    "pending": "The audio has not been seen yet. Come back in a moment.",
    "taken-down": "The audio of this track was taken down here.",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where our own pages are. `origin` is absolute, for those who read a page from elsewhere."""

    origin: str

    def page(self, uri: str) -> str:
        return f"{self.origin}{page_path(uri)}"

    def embed(self, uri: str) -> str:
        return f"{self.origin}/embed{page_path(uri)}"

    def oembed(self, uri: str) -> str:
        return f"{self.origin}/oembed?format=json&url={quote(self.page(uri), safe='')}"

    def here(self, url: str) -> str:
        """From the page itself: works under whatever name this server is reached."""
        return url.removeprefix(self.origin)

    def there(self, url: str) -> str:
        return f"{self.origin}{url}" if url.startswith("/") else url


@dataclass(frozen=True, slots=True)
class Length:
    milliseconds: int

    @property
    def seconds(self) -> int:
        return round(self.milliseconds / 1000)

    @property
    def text(self) -> str:
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@dataclass(frozen=True, slots=True)
class TrackCard:
    uri: str
    author_uri: str
    title: str
    artist: str
    author: str
    page: str
    web_url: str
    audio: str | None
    audio_url: str | None
    audio_type: str | None
    why_silent: str | None
    instead: str
    length: Length | None
    album: str | None
    album_page: str | None
    picture: str | None
    thumb: str | None
    description: str
    labels: tuple[str, ...]
    author_labels: tuple[str, ...]
    likes: int
    comments: int


@dataclass(frozen=True, slots=True)
class Item:
    """A place in a list, and the track there, or why there is none."""

    position: int
    track: TrackCard | None
    why_missing: str = ""


@dataclass(frozen=True, slots=True)
class ListCard:
    uri: str
    author_uri: str
    title: str
    kind: str
    author: str
    page: str
    web_url: str
    length: Length | None
    picture: str | None
    thumb: str | None
    labels: tuple[str, ...]
    author_labels: tuple[str, ...]
    count: int


def track_card(view: TrackView, places: Places) -> TrackCard:
    audio = view.get("stream")
    album = view.get("album")
    album_uri = album.get("uri") if album else None
    picture, thumb = _pictures(view, places)
    return TrackCard(
        uri=view["uri"],
        author_uri=f"at://{view['author']['did']}",
        title=view["title"],
        artist=view["artist"],
        author=_name(view["author"]),
        page=page_path(view["uri"]),
        web_url=view["webUrl"],
        audio=None if audio is None else places.here(audio),
        audio_url=audio,
        audio_type=AUDIO_TYPES.get(view["fileType"].lower()),
        why_silent=None if audio else WHY_SILENT.get(view["playability"]),
        instead=view.get("gate", {}).get("url") or view["webUrl"],
        length=_length(view),
        album=album["title"] if album else None,
        album_page=page_path(album_uri) if album_uri else None,
        picture=picture,
        thumb=thumb,
        description=view.get("description", ""),
        labels=_labels(view),
        author_labels=_labels(view["author"]),
        likes=view["likeCount"],
        comments=view["commentCount"],
    )


def list_card(view: ListView, places: Places) -> ListCard:
    picture, thumb = _pictures(view, places)
    return ListCard(
        uri=view["uri"],
        author_uri=f"at://{view['author']['did']}",
        title=view["name"],
        kind="album" if view.get("listType") == "album" else "playlist",
        author=_name(view["author"]),
        page=page_path(view["uri"]),
        web_url=view["webUrl"],
        length=_length(view),
        picture=picture,
        thumb=thumb,
        labels=_labels(view),
        author_labels=_labels(view["author"]),
        count=view["itemCount"],
    )


def page_path(uri: str) -> str:
    """Of at://did:plc:x/fm.plyr.track/3k it is /track/did:plc:x/3k."""
    authority, collection, rkey = uri.removeprefix("at://").split("/")
    return f"/{collection.rpartition('.')[2]}/{quote(authority, safe=':')}/{quote(rkey, safe=':')}"


def _name(author: ProfileViewBasic) -> str:
    return author.get("displayName") or author["handle"]


def _labels(view: Mapping[str, Any]) -> tuple[str, ...]:
    """Each once, whoever says so."""
    return tuple(dict.fromkeys(label["val"] for label in view.get("labels", ())))


def _length(view: Mapping[str, Any]) -> Length | None:
    return Length(view["durationMs"]) if "durationMs" in view else None


def _pictures(view: Mapping[str, Any], places: Places) -> tuple[str | None, str | None]:
    """For others, absolute; for the page itself."""
    artwork = view.get("artwork")
    if artwork is None:
        return None, None
    return artwork["full"], places.here(artwork["medium"])
