"""Albums as clients see them: from a list, or from what tracks say."""

from appview.row import Row
from appview.rules import Trust
from appview.views.actor import profile_view_basic
from appview.views.images import artwork
from appview.views.track import NAMELESS, track_item
from lexicons.types import AlbumView, ListItemView


def album_view(row: Row, trust: Trust) -> AlbumView:
    is_derived = row["uri"] is None
    view: AlbumView = {
        "title": (row["first_album"] if is_derived else row["name"]) or NAMELESS,
        "author": profile_view_basic(row, trust.origin),
        "itemCount": row["item_count"],
        "createdAt": row["first_created_at"] if is_derived else row["created_at"],
        "derived": is_derived,
    }
    if not is_derived:
        view["uri"], view["cid"] = row["uri"], row["cid"]
    if row["duration_ms"] is not None:
        view["durationMs"] = row["duration_ms"]
    if (picture := artwork(trust.origin, row["picture"])) is not None:
        view["artwork"] = picture
    return view


def album_item_view(track: Row, position: int, cid: str, trust: Trust) -> ListItemView:
    return {
        "position": position,
        "subject": {"uri": track["uri"], "cid": cid},
        "item": track_item(track, trust),
    }
