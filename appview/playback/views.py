"""A track as a player wants it: where it can be had, or why it cannot."""

from typing import Final

from appview.playback.sources import sources
from appview.row import Row
from appview.rules import Trust
from appview.views.track import track_view_basic, web_url
from lexicons.types import PlaybackView

_WITHOUT_SOURCES: Final = {"gated", "taken-down"}


def playback_view(row: Row, trust: Trust, max_blob_bytes: int | None) -> PlaybackView:
    """`max_blob_bytes`: more than these are not served here; None for no bound."""
    track = track_view_basic(row, trust)
    may_play = track["playability"]
    view: PlaybackView = {
        "uri": track["uri"],
        "cid": track["cid"],
        "title": track["title"],
        "artist": track["artist"],
        "author": track["author"],
        "playability": may_play,
        "sources": [],
    }
    if may_play not in _WITHOUT_SOURCES:
        view["sources"] = sources(row, trust, max_blob_bytes)
    if "album" in track:
        view["album"] = track["album"]
    if "artwork" in track:
        view["artwork"] = track["artwork"]
    if "durationMs" in track:
        view["durationMs"] = track["durationMs"]
    if may_play != "playable":
        view["reason"] = _reason(may_play, is_somewhere=bool(view["sources"]))
    if may_play == "gated":
        view["authorization"] = {"gate": row["gate_type"], "url": web_url(row["uri"])}
    return view


def _reason(may_play: str, *, is_somewhere: bool) -> str:
    match may_play:
        case "gated":
            return "gate"
        case "taken-down":
            return "blob-taken-down"
        case "pending":
            return "not-checked"
        case _:
            return "source-dead" if is_somewhere else "no-audio"
