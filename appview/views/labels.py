"""Labels: those that authors put on their own records, and those of labelers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from appview.row import Row
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
    found: dict[str, list[View]] = defaultdict(list)
    seen: set[int] = set()
    unread: list[Any] = [output]
    while unread:
        part = unread.pop()
        values = part if type(part) is list else part.values()
        if id(part) in seen or not values:
            continue
        seen.add(id(part))
        if type(part) is dict:
            for subject in _subjects(part, namespace):
                found[subject].append(part)
            if VERBATIM in part:
                values = [value for name, value in part.items() if name != VERBATIM]
        unread += [value for value in values if type(value) is dict or type(value) is list]
    return found


def _subjects(view: View, namespace: str) -> tuple[str, ...]:
    """A test holds this to the lexicons."""
    if "handle" in view:
        did = view["did"]
        profile = f"at://{did}/{namespace}.actor.profile/self"
        return did, profile, f"at://{did}/app.bsky.actor.profile/self"
    # An album has a record only where a list makes it.
    if "author" in view and ("indexedAt" in view or ("derived" in view and "uri" in view)):
        return (view["uri"],)
    return ()


def add_labels(views: Mapping[str, Sequence[View]], found: Mapping[str, Sequence[Row]]) -> None:
    for subject, rows in found.items():
        labels = [label_view(row) for row in rows]
        for view in views[subject]:
            view["labels"] = [*view.get("labels", ()), *labels]
