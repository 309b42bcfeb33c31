"""Accounts as clients see them."""

from typing import cast

from appview.row import Row
from appview.views.images import avatar
from lexicons.syntax import NO_HANDLE
from lexicons.types import ProfileView, ProfileViewBasic


def profile_view_basic(row: Row, origin: str) -> ProfileViewBasic:
    """Of any row that has the author's columns: did, handle, display_name, avatar."""
    did = row["did"]
    view: ProfileViewBasic = {"did": did, "handle": row["handle"] or NO_HANDLE}
    if row["display_name"]:
        view["displayName"] = row["display_name"]
    picture = avatar(origin, did, row["avatar"])
    if picture is not None:
        view["avatar"] = picture
    return view


def profile_view(row: Row, origin: str) -> ProfileView:
    view = cast(ProfileView, profile_view_basic(row, origin))
    view["trackCount"] = row["tracks"]
    view["listCount"] = row["lists"]
    view["likesGiven"] = row["likes_given"]
    view["likesReceived"] = row["likes_received"]
    view["indexedAt"] = row["profile_indexed_at"] or row["first_seen_at"]
    if row["bio"]:
        view["bio"] = row["bio"]
    if row["profile_created_at"]:
        view["createdAt"] = row["profile_created_at"]
    return view
