"""One event, in the forms in which it goes out; each is made once, for all who are sent it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from libipld import encode_dag_cbor

from lexicons.data_model import Value, decode_record, to_json
from xrpc.stream import message_frame

NSID = "fm.plyr.sync.subscribeEvents"
OUTDATED = {
    "name": "OutdatedCursor",
    "message": "events behind the cursor are not kept any more; all that are follow",
}
ROW_BYTES = 500
"""What an event takes in memory, about, besides its record."""


@dataclass(frozen=True, slots=True)
class Wants:
    """None: all of them. Collections choose among records; accounts and identities always come."""

    collections: Collection[str] | None = None
    dids: Collection[str] | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Wants":
        chosen = (params.get(name) for name in ("collections", "dids"))
        return cls(*(None if names is None else frozenset(names) for names in chosen))

    def include(self, event: "Event") -> bool:
        if self.dids is not None and event.did not in self.dids:
            return False
        return (
            self.collections is None
            or event.kind != "record"
            or event.fields["collection"] in self.collections
        )


@dataclass(slots=True)
class Event:
    """`value` is the DAG-CBOR of the record, where it may be shown."""

    seq: int
    at: datetime
    kind: str
    did: str
    fields: Mapping[str, Any]
    value: bytes | None = None
    _frame: bytes = field(default=b"", repr=False)
    _json: bytes = field(default=b"", repr=False)

    @property
    def size(self) -> int:
        return ROW_BYTES + len(self.value or b"")

    @property
    def frame(self) -> bytes:
        """For a WebSocket; the record goes in as the bytes that its author signed."""
        if not self._frame:
            parts = {name: encode_dag_cbor(value) for name, value in self._message().items()}
            if self.value is not None:
                parts["record"] = self.value
            self._frame = message_frame(f"#{self.kind}", cbor_map(parts))
        return self._frame

    @property
    def json(self) -> bytes:
        if not self._json:
            message: dict[str, object] = {"$type": f"{NSID}#{self.kind}", **self._message()}
            if self.value is not None:
                message["record"] = to_json(decode_record(self.value))
            self._json = orjson.dumps(message)
        return self._json

    def _message(self) -> dict[str, Value]:
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head: dict[str, Value] = {"seq": self.seq, "time": at, "did": self.did}
        fields = self.fields
        if self.kind == "account":
            own = {"active": fields["active"], "status": fields["status"]}
        elif self.kind == "identity":
            own = {"handle": fields["handle"]}
        else:
            own = {
                "uri": f"at://{self.did}/{fields['collection']}/{fields['rkey']}",
                **{name: fields[name] for name in ("action", "rev", "live", "cid", "reason")},
            }
        return head | {name: value for name, value in own.items() if value is not None}


def cbor_map(parts: Mapping[str, bytes]) -> bytes:
    """A DAG-CBOR map of values that are encoded already: shorter keys first, then by bytes."""
    assert len(parts) < 24, "more would need a longer head"
    keys = sorted(parts, key=lambda key: (len(key.encode()), key))
    encoded = b"".join(encode_dag_cbor(key) + parts[key] for key in keys)
    return bytes((0xA0 | len(parts),)) + encoded
