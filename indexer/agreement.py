"""Whether what is stored of one record is what follows from its block. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from indexer.differences import Kind
from indexer.records.prepare import Prepared, RecordState
from lexicons.cid import InvalidCid, dag_cbor_cid, parse_cid

Found = Iterator[tuple[Kind, str, str]]
"""Each difference, what is held, what would be right."""

HASH_BYTES = 32
# Kept from the rows before it where the record does not say.
OF_EARLIER_ROWS = frozenset({"last_name", "last_list_type", "title_key"})


def in_the_ledger(prepared: Prepared, stored: asyncpg.Record) -> Found:
    if not _is_of_its_cid(stored["cid"], stored["value"]):
        yield Kind.VALUE, "a block of another hash", str(stored["cid"])
    if prepared.state != stored["state"]:
        detail = f" ({prepared.detail})" if prepared.detail else ""
        yield Kind.VERDICT, stored["state"], f"{prepared.state}{detail}"
    should_count = prepared.state is RecordState.VALID and not stored["taken_down"]
    if stored["counted"] != should_count:
        yield Kind.TAKEDOWN, _counted(stored["counted"]), _counted(should_count)


def _is_of_its_cid(cid: str | None, value: bytes | None) -> bool:
    if cid is None or value is None:
        return cid is None and value is None
    try:
        return parse_cid(cid).raw[-HASH_BYTES:] == dag_cbor_cid(value)[-HASH_BYTES:]
    except InvalidCid:
        return False


def in_rows(prepared: Prepared, held: Mapping[str, Any] | None) -> Found:
    row = prepared.row
    if row is None:
        if held is not None:
            yield Kind.ROW, "a row", f"none, it is {prepared.state}"
        return
    if held is None:
        yield Kind.ROW, "no row", "one, it is valid"
        return
    expected: Mapping[str, object] = row._asdict()  # type: ignore[attr-defined] # a NamedTuple
    for name, value in expected.items():
        if not value and name in OF_EARLIER_ROWS:
            continue
        if not _is_same(value, held.get(name)):
            yield Kind.ROW, f"{name} = {held.get(name)!r}"[:300], f"{value!r}"[:300]


def _is_same(value: object, held: object) -> bool:
    if isinstance(value, datetime):
        return isinstance(held, str) and datetime.fromisoformat(held) == value
    if isinstance(value, tuple):
        return (
            isinstance(held, list) and len(held) == len(value) and all(map(_is_same, value, held))
        )
    return value == held


def in_links(prepared: Prepared, stored: asyncpg.Record, held: Sequence[asyncpg.Record]) -> Found:
    kind, row = prepared.kind, prepared.row
    has_links = row is not None and kind.link_kind is not None and not stored["taken_down"]
    wanted = {(subject, kind.link_kind) for subject in kind.subjects(row)} if has_links else set()
    found = {(link["subject"], link["kind"]) for link in held}
    for subject, link_kind in sorted(found - wanted):
        yield Kind.LINK, f"a {link_kind} of {subject}", "none"
    for subject, link_kind in sorted(wanted - found):
        yield Kind.LINK, "none", f"a {link_kind} of {subject}"
    for link in held:
        if link["counted"] != link["counts"] and not link["is_followed"]:
            right = _counted(link["counts"])
            yield Kind.LINK, f"{link['subject']} {_counted(link['counted'])}", right


def _counted(counted: bool) -> str:
    return "counted" if counted else "not counted"
