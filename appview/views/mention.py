"""What an editor shows of somebody or something that is mentioned."""

from appview.views.track import web_url
from lexicons.syntax import NO_HANDLE
from lexicons.types import (
    ListViewBasic,
    MentionResult,
    ProfileViewBasic,
    TrackViewBasic,
)


def actor_mention(view: ProfileViewBasic) -> MentionResult:
    did, handle = view["did"], view["handle"]
    mention: MentionResult = {
        "uri": f"at://{did}",
        "name": view.get("displayName", handle),
        "labels": [{"text": "artist"}],
        "subscope": {"scope": did, "label": "Tracks"},
    }
    if handle != NO_HANDLE:
        mention["description"] = f"@{handle}"
        mention["href"] = f"https://plyr.fm/u/{handle}"
    if "avatar" in view:
        mention["icon"] = view["avatar"]["thumb"]
    return mention


def track_mention(view: TrackViewBasic) -> MentionResult:
    mention: MentionResult = {
        "uri": view["uri"],
        "name": view["title"],
        "description": f"by {view['artist']}",
        "href": web_url(view["uri"]),
        "labels": [{"text": "track"}],
    }
    if "artwork" in view:
        mention["icon"] = view["artwork"]["thumb"]
    return mention


def list_mention(view: ListViewBasic) -> MentionResult:
    author = view["author"]
    mention: MentionResult = {
        "uri": view["uri"],
        "name": view["name"],
        "description": f"by {author.get('displayName', author['handle'])}",
        "href": web_url(view["uri"]),
        "labels": [{"text": view.get("listType", "list")}],
    }
    if "artwork" in view:
        mention["icon"] = view["artwork"]["thumb"]
    return mention
