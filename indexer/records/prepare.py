"""From a proven change to what the index holds of it: a row, or the reason why there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from indexer.events import QuarantineReason, RecordChange
from indexer.frames import UNCOUNTED_BYTES, has_more_items
from indexer.records.record_type import Record, RecordType, RecordUri
from lexicons.catalog import Catalog
from lexicons.data_model import InvalidData, decode_record
from lexicons.schema import Invalid

DETAIL_MAX_CHARACTERS = 500
# A B-tree entry ends at 2,704 bytes, and some hold a URI, its subject, a time and their headers.
INDEXED_MAX_BYTES = 2_600
# A list of links as long as a record may be has a third of it; each item costs a microsecond.
MAX_ITEMS = 100_000
_BIGINT = range(-(2**63), 2**63)


class RecordState(StrEnum):
    VALID = "valid"
    INVALID = "invalid"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Prepared:
    """`record` and `row` are there when the state is valid, `reason` and `detail` when not."""

    uri: RecordUri
    change: RecordChange
    kind: RecordType[Any]
    state: RecordState
    record: Record | None = None
    row: tuple[Any, ...] | None = None
    reason: QuarantineReason | None = None
    detail: str | None = None

    @property
    def rev(self) -> str:
        return self.change.rev

    def seen_first(self, moment: datetime) -> "Prepared":
        """The same with a row that was first seen at another time than now."""
        if self.record is None or self.change.cid is None:
            return self
        return replace(self, row=self.kind.row(self.uri, self.record, self.change.cid, moment))

    def succeeding(self, replaced: "Prepared") -> "Prepared":
        """The same with what its row keeps of the one before it."""
        return replace(self, row=self.kind.successor(replaced.row, self.row))

    def quarantined(self, reason: QuarantineReason, detail: str) -> "Prepared":
        return replace(
            self,
            state=RecordState.INVALID,
            record=None,
            row=None,
            reason=reason,
            detail=storable_text(detail, DETAIL_MAX_CHARACTERS),
        )


class Unstorable(ValueError):
    """A value that is valid, but none that Postgres can hold."""


def prepare(
    change: RecordChange,
    record_types: Mapping[Any, RecordType[Any]],
    catalog: Catalog,
    now: datetime,
) -> Prepared:
    kind = record_types[change.collection]
    uri = RecordUri(change.did, change.collection, change.rkey)
    if change.cid is None:
        return Prepared(uri, change, kind, RecordState.DELETED)
    assert change.value is not None, f"{uri}: a record without its block"
    prepared = Prepared(uri, change, kind, RecordState.VALID)
    try:
        record = _decoded(change.value)
        catalog.validate_record(change.collection, change.rkey, record)
        row = kind.row(uri, record, change.cid, now)
        check_storable(uri, kind, row)
    except InvalidData as error:
        return prepared.quarantined(QuarantineReason.UNDECODABLE, str(error))
    except Invalid as error:
        is_key = error.path == "rkey"
        reason = QuarantineReason.INVALID_KEY if is_key else QuarantineReason.INVALID_RECORD
        return prepared.quarantined(reason, str(error))
    except Unstorable as error:
        return prepared.quarantined(QuarantineReason.UNSTORABLE, str(error))
    return replace(prepared, record=record, row=row)


def _decoded(value: bytes) -> Record:
    if len(value) > UNCOUNTED_BYTES and has_more_items(value, MAX_ITEMS):
        raise InvalidData(f"a record of more than {MAX_ITEMS} items")
    return decode_record(value)


def check_storable(uri: RecordUri, kind: RecordType[Any], row: tuple[Any, ...]) -> None:
    _check_values(row)
    own = len(str(uri).encode())
    for subject in kind.subjects(row):
        if own + len(subject.encode()) > INDEXED_MAX_BYTES:
            raise Unstorable(f"too long for an index, together with {uri}: {subject[:100]}…")


def _check_values(values: Iterable[object]) -> None:
    for value in values:
        kind = type(value)
        if kind is str:
            if "\0" in value:  # type: ignore[operator]  # just seen to be a str
                raise Unstorable(f"U+0000 in {value!r}")
        elif kind is int:
            if value not in _BIGINT:
                raise Unstorable(f"an integer beyond 64 bits: {value}")
        elif isinstance(value, tuple):
            _check_values(value)


def storable_text(text: str, limit: int) -> str:
    return text[:limit].replace("\0", "\\0").encode("utf-8", "replace").decode()
