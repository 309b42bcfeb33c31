"""What a kind of record is to the index: its table, its row, what it points at.

A new kind is a new file beside this one and a line in registry.py.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from lexicons.syntax import Nsid, Tid, is_tid, tid_micros
from migrations.runner import Connection

Record: TypeAlias = dict[str, Any]
"""A record that its lexicon has found valid: what is required is there, and of its type."""

LinkKind = Literal["like", "comment", "list"]
Tallied = Literal["tracks", "lists"]
RowT = TypeVar("RowT", bound=tuple[Any, ...])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordUri(NamedTuple):
    did: str
    collection: str
    rkey: str

    def __str__(self) -> str:
        return f"at://{self.did}/{self.collection}/{self.rkey}"


def _no_subjects(_row: object) -> Iterable[str]:
    return ()


def _nothing_kept(_replaced: object, row: RowT) -> RowT:
    return row


@dataclass(frozen=True, slots=True)
class RecordType(Generic[RowT]):
    """`name` is relative to the namespace unless `is_foreign`. A row's fields are its columns.

    upsert never moves sort_at and indexed_at of a row that is there. `successor` says what a row
    keeps of the one that it replaces, when both come in one batch.
    """

    name: str
    tables: tuple[str, ...]
    row: Callable[[RecordUri, Record, str, datetime], RowT]
    upsert: Callable[[Connection, Sequence[RowT]], Awaitable[None]]
    delete: Callable[[Connection, Sequence[RecordUri]], Awaitable[None]]
    is_foreign: bool = False
    link_kind: LinkKind | None = None
    subjects: Callable[[RowT], Iterable[str]] = _no_subjects
    tallied: Tallied | None = None
    names_albums: bool = False
    successor: Callable[[RowT, RowT], RowT] = _nothing_kept

    def collection(self, namespace: str) -> Nsid:
        return Nsid(self.name if self.is_foreign else f"{namespace}.{self.name}")


RecordTypes: TypeAlias = Mapping[Nsid, RecordType[Any]]


def sort_time(rkey: str, first_seen: datetime) -> datetime:
    """The time in a TID, but nobody writes into the future."""
    if not is_tid(rkey):
        return first_seen
    return min(_EPOCH + timedelta(microseconds=tid_micros(Tid(rkey))), first_seen)


def texts(uris: Iterable[RecordUri]) -> list[str]:
    return [str(uri) for uri in uris]
