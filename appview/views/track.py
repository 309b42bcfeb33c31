"""Tracks as clients see them."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from orjson import loads

from appview.row import Row
from appview.rules import Trust, playability
from appview.views.actor import profile_view_basic
from appview.views.images import artwork
from appview.views.labels import self_labels
from lexicons.types import AlbumRef, FeedItem, TrackView, TrackViewBasic

NAMELESS = "Untitled"

WEB = "https://plyr.fm/at/"
"""There plyr.fm has a page for every AT URI, written without its scheme."""


def web_url(uri: str) -> str:
    return WEB + uri.removeprefix("at://")


def feed(rows: Iterable[Row], trust: Trust) -> list[FeedItem]:
    return [{"track": track_view(row, trust)} for row in rows]


def track_view_basic(row: Row, trust: Trust) -> TrackViewBasic:
    """Datetimes stay what they are: the JSON encoder writes them faster than Python would."""
    uri = row["uri"]
    may_play = playability(
        row["gate_type"],
        None if row["audio_missing"] else row["audio_cid"],
        row["audio_url"],
        trust,
        url_status=row["url_status"],
        is_taken_down=row["audio_taken_down"],
    )
    view: TrackViewBasic = {
        "uri": uri,
        "cid": row["cid"],
        "title": row["title"],
        "artist": row["artist"],
        "author": profile_view_basic(row, trust.origin),
        "playability": may_play,
        "createdAt": row["created_at"],
        "indexedAt": row["indexed_at"],
    }
    if may_play == "playable":
        did = row["did"].replace("%", "%25")  # of did:web with a port
        view["stream"] = f"{trust.origin}/stream/{did}/{row['rkey']}"
    if row["duration_ms"] is not None:
        view["durationMs"] = row["duration_ms"]
    if (picture := artwork(trust.origin, row["picture"])) is not None:
        view["artwork"] = picture
    if row["album"] or row["on_album"] is not None:
        view["album"] = album_ref(row)
    if row["self_labels"]:
        view["labels"] = self_labels(
            row["did"], uri, row["cid"], row["created_at"], row["self_labels"]
        )
    return view


def album_ref(row: Row) -> AlbumRef:
    """What the track says and the list that stands for it, else the album list that has it."""
    found = {} if row["on_album"] is None else loads(row["on_album"])
    view: AlbumRef = {"title": row["album"] or found.get("title") or NAMELESS}
    if "uri" in found:
        view["uri"] = found["uri"]
    if found.get("position") is not None:
        view["position"] = found["position"]
    return view


def track_view(row: Row, trust: Trust) -> TrackView:
    view = cast(TrackView, track_view_basic(row, trust))
    view["fileType"] = row["file_type"]
    view["likeCount"] = row["likes"]
    view["commentCount"] = row["comments"]
    view["inListsCount"] = row["in_lists"]
    view["sortAt"] = row["sort_at"]
    view["webUrl"] = web_url(row["uri"])
    if row["description"]:
        view["description"] = row["description"]
    if row["gate_type"] is not None:
        view["gate"] = {"type": row["gate_type"], "url": view["webUrl"]}
    if row["tags"]:
        view["tags"] = row["tags"]
    if row["featured"] is not None:
        view["features"] = [
            profile_view_basic(account, trust.origin) for account in loads(row["featured"])
        ]
    return view


def track_item(row: Row, trust: Trust) -> TrackView:
    """Where something else may stand in its place."""
    view = track_view(row, trust)
    view["$type"] = "fm.plyr.feed.defs#trackView"
    return view


def track_view_with_record(row: Row, records: Mapping[str, Any], trust: Trust) -> TrackView:
    view = track_view(row, trust)
    if row["uri"] in records:
        view["record"] = records[row["uri"]]
    return view
