"""Likes and comments as clients see them."""

from appview.row import Row
from appview.views.actor import profile_view_basic
from lexicons.types import CommentView, LikeView


def like_view(row: Row, origin: str) -> LikeView:
    return {
        "uri": row["uri"],
        "cid": row["cid"],
        "actor": profile_view_basic(row, origin),
        "createdAt": row["created_at"],
        "indexedAt": row["indexed_at"],
    }


def comment_view(row: Row, origin: str) -> CommentView:
    view: CommentView = {
        "uri": row["uri"],
        "cid": row["cid"],
        "author": profile_view_basic(row, origin),
        "text": row["text"],
        "timestampMs": row["timestamp_ms"],
        "createdAt": row["created_at"],
        "indexedAt": row["indexed_at"],
    }
    if row["updated_at"]:
        view["updatedAt"] = row["updated_at"]
    return view
