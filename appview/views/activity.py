"""What people do, as clients see it."""

from collections.abc import Mapping

from appview.row import Row
from appview.rules import Trust
from appview.views.actor import profile_view_basic
from appview.views.list import list_view_basic
from appview.views.track import track_item
from lexicons.types import ActivityItem


def activity_item(
    row: Row, tracks: Mapping[str, Row], lists: Mapping[str, Row], trust: Trust
) -> ActivityItem:
    view: ActivityItem = {
        "kind": row["kind"],
        "uri": row["uri"],
        "actor": profile_view_basic(row, trust.origin),
        "createdAt": row["created_at"],
        "indexedAt": row["indexed_at"],
    }
    subject = row["subject"]
    if subject in tracks:
        view["subject"] = track_item(tracks[subject], trust)
    elif subject in lists:
        listed = list_view_basic(lists[subject], None, trust)
        listed["$type"] = "fm.plyr.library.defs#listViewBasic"
        view["subject"] = listed
    if row["list_uri"] in lists:
        view["list"] = list_view_basic(lists[row["list_uri"]], None, trust)
    if row["text"] is not None:
        view["text"] = row["text"]
    return view
