"""Lists as files for players: M3U, two lines for each track, and XSPF (https://xspf.org/spec)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from lexicons.types import TrackViewBasic

_XSPF: Final = "http://xspf.org/ns/0/"
# XML 1.0 has no way to write these, not even escaped.
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Playlist:
    uri: str
    name: str
    author: str
    tracks: Sequence[TrackViewBasic]

    def playable(self) -> Iterator[tuple[str, TrackViewBasic]]:
        """Each with its address."""
        return ((track["stream"], track) for track in self.tracks if "stream" in track)


def m3u(playlist: Playlist) -> str:
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(playlist.name)}"]
    for url, track in playlist.playable():
        seconds = round(track["durationMs"] / 1000) if "durationMs" in track else -1
        lines.append(
            f"#EXTINF:{seconds},{_one_line(track['artist'])} - {_one_line(track['title'])}"
        )
        lines.append(url)
    return "\n".join([*lines, ""])


def _one_line(text: str) -> str:
    """What breaks a line to anybody would let a title write lines of its own."""
    return " ".join(text.split())


def xspf(playlist: Playlist) -> bytes:
    root = Element("playlist", {"version": "1", "xmlns": _XSPF})
    _add(root, "title", playlist.name)
    _add(root, "creator", playlist.author)
    _add(root, "identifier", playlist.uri)
    listed = SubElement(root, "trackList")
    for url, track in playlist.playable():
        item = SubElement(listed, "track")
        _add(item, "location", url)
        _add(item, "identifier", track["uri"])
        _add(item, "title", track["title"])
        _add(item, "creator", track["artist"])
        if "album" in track:
            _add(item, "album", track["album"]["title"])
        if "durationMs" in track:
            _add(item, "duration", str(track["durationMs"]))
        if "artwork" in track:
            _add(item, "image", track["artwork"]["medium"])
    written: bytes = tostring(root, "utf-8", xml_declaration=True)
    return written


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NOT_IN_XML.sub("\ufffd", text)
