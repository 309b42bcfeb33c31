"""Labels: those that authors put on their own records, and those of labelers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from appview.pagination import Row
from lexicons.data_model import to_json
from lexicons.types import Label

View: TypeAlias = dict[str, Any]

# As the author wrote it: nothing in there is a view.
VERBATIM = "record"


def self_labels(
    did: str, uri: str, cid: str, created_at: str, values: Sequence[str]
) -> list[Label]:
    return [
        {"src": did, "uri": uri, "cid": cid, "val": value, "cts": created_at} for value in values
    ]


def label_view(row: Row) -> Label:
    view: Label = {"src": row["src"], "uri": row["uri"], "val": row["val"], "cts": row["cts"]}
    if row["cid"]:
        view["cid"] = row["cid"]
    if row["exp"] is not None:
        view["exp"] = row["exp"]
    return view


def signed_label_view(row: Row) -> Label:
    """Whole, for whoever wants to check the signature."""
    sig: dict[str, str] = to_json(row["sig"])
    return {"ver": 1, **label_view(row), "sig": sig}


def find_views(output: object, namespace: str) -> Mapping[str, Sequence[View]]:
    """By what a label would name: the views in an answer that carry it."""
    profiles = ("app.bsky.actor.profile", f"{namespace}.actor.profile")
    found: dict[str, list[View]] = defaultdict(list)
    seen: set[int] = set()
    unread: list[object] = [output]
    while unread:
        part = unread.pop()
        if isinstance(part, list):
            unread += part
        elif isinstance(part, dict) and id(part) not in seen:
            seen.add(id(part))
            for subject in _subjects(part, profiles):
                found[subject].append(part)
            unread += [value for name, value in part.items() if name != VERBATIM]
    return found


def _subjects(view: View, profiles: Sequence[str]) -> list[str]:
    """A test holds this to the lexicons."""
    if "handle" in view:
        did = view["did"]
        return [did, *(f"at://{did}/{collection}/self" for collection in profiles)]
    if "author" in view and "indexedAt" in view:
        return [view["uri"]]
    return []


def add_labels(views: Mapping[str, Sequence[View]], found: Mapping[str, Sequence[Row]]) -> None:
    for subject, rows in found.items():
        labels = [label_view(row) for row in rows]
        for view in views[subject]:
            view["labels"] = [*view.get("labels", ()), *labels]
