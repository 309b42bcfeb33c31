"""Labels that authors put on their own records."""

from collections.abc import Sequence

from lexicons.types import Label


def self_labels(
    did: str, uri: str, cid: str, created_at: str, values: Sequence[str]
) -> list[Label]:
    return [
        {"src": did, "uri": uri, "cid": cid, "val": value, "cts": created_at} for value in values
    ]
