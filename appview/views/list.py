"""Albums, playlists and liked lists as clients see them."""

from collections.abc import Mapping
from typing import cast

from appview.row import Row
from appview.rules import Trust
from appview.views.actor import profile_view_basic
from appview.views.images import artwork
from appview.views.missing import missing_item
from appview.views.track import NAMELESS, track_item, web_url
from lexicons.types import ListItemView, ListView, ListViewBasic, StrongRef


def list_view_basic(row: Row, summary: Row | None, trust: Trust) -> ListViewBasic:
    """`summary` is what its items add up to; None for a list without any."""
    view: ListViewBasic = {
        "uri": row["uri"],
        "cid": row["cid"],
        "name": row["name"] or NAMELESS,
        "author": profile_view_basic(row, trust.origin),
        "itemCount": row["item_count"],
        "createdAt": row["created_at"],
        "indexedAt": row["indexed_at"],
    }
    if row["list_type"]:
        view["listType"] = row["list_type"]
    if summary is not None and summary["duration_ms"] is not None:
        view["durationMs"] = summary["duration_ms"]
    if summary is not None and (picture := artwork(trust.origin, summary["picture"])) is not None:
        view["artwork"] = picture
    return view


def list_view(row: Row, summary: Row | None, trust: Trust) -> ListView:
    view = cast(ListView, list_view_basic(row, summary, trust))
    view["playableCount"] = 0 if summary is None else summary["playable"]
    view["likeCount"] = row["likes"]
    view["webUrl"] = web_url(row["uri"])
    return view


def list_item_view(
    item: Row,
    tracks: Mapping[str, Row],
    reasons: Mapping[str, str],
    trust: Trust,
) -> ListItemView:
    subject = item["subject"]
    if subject in tracks:
        track = track_item(tracks[subject], trust)
        return {"position": item["position"], "subject": _reference(item), "item": track}
    missing = missing_item(subject, reasons)
    missing["$type"] = "fm.plyr.feed.defs#missingItem"
    return {"position": item["position"], "subject": _reference(item), "item": missing}


def _reference(item: Row) -> StrongRef:
    return {"uri": item["subject"], "cid": item["subject_cid"]}
