import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.events import (
    AccountEvent,
    Commit,
    Event,
    IdentityEvent,
    Info,
    Op,
    Reason,
    Rejected,
    StreamError,
    Sync,
    Unknown,
)
from indexer.frames import MAX_FRAME_BYTES, MAX_ITEMS, Kind, decode_frame, peek
from tests.indexer.mutated import BOUNDED, hostile
from tests.network.encoding import dag_cbor, link_to
from tests.support import least_cpu_seconds

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
REV = "3jzfcijpj2z2a"
LINK = link_to(b"\xa0")
TIME = "2026-11-22T17:09:41.411Z"
OURS = frozenset({"fm.plyr.track", "fm.plyr.like"})


def frame(kind: str | None, payload: object, **header: object) -> bytes:
    named = {} if kind is None else {"t": kind}
    return dag_cbor({"op": 1, **named, **header}) + dag_cbor(payload)


def op(action: str = "create", path: str = "fm.plyr.track/a", **fields: object) -> dict[str, Any]:
    said = {"cid": None if action == "delete" else LINK}
    if action != "create":
        said["prev"] = LINK
    return {"action": action, "path": path, **said, **fields}


def commit(**fields: object) -> dict[str, Any]:
    return {
        "seq": 7,
        "repo": DID,
        "commit": LINK,
        "rev": REV,
        "since": None,
        "blocks": b"car",
        "ops": [op()],
        "blobs": [],
        "rebase": False,
        "tooBig": False,
        "time": TIME,
        **fields,
    }


def without(payload: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != field}


def decode_commit(**fields: object) -> Commit:
    event = decode_frame(frame("#commit", commit(**fields)))
    assert isinstance(event, Commit)
    return event


def reason_of(data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        decode_frame(data)
    return caught.value.reason


def test_a_commit_comes_out_field_by_field() -> None:
    ops = [op(), op("update", "fm.plyr.like/b"), op("delete", "a.b.c/c")]
    assert decode_commit(ops=ops, since=REV, prevData=LINK) == Commit(
        seq=7,
        did=DID,  # type: ignore[arg-type]  # compared, not trusted
        rev=REV,  # type: ignore[arg-type]
        since=REV,  # type: ignore[arg-type]
        commit=LINK.raw,
        prev_data=LINK.raw,
        blocks=b"car",
        ops=(
            Op("create", "fm.plyr.track/a", LINK.raw, None),
            Op("update", "fm.plyr.like/b", LINK.raw, LINK.raw),
            Op("delete", "a.b.c/c", None, LINK.raw),
        ),
        time=TIME,
    )


@pytest.mark.parametrize(
    ("kind", "payload", "event"),
    [
        (
            "#sync",
            {"seq": 8, "did": DID, "rev": REV, "blocks": b"car", "time": TIME},
            Sync(8, DID, REV, b"car", TIME),  # type: ignore[arg-type]
        ),
        (
            "#identity",
            {"seq": 9, "did": DID, "time": TIME, "handle": "not-believed.test"},
            IdentityEvent(9, DID, TIME),  # type: ignore[arg-type]
        ),
        (
            "#account",
            {"seq": 10, "did": DID, "time": TIME, "active": False, "status": "deactivated"},
            AccountEvent(10, DID, False, "deactivated", TIME),  # type: ignore[arg-type]
        ),
        (
            "#account",
            {"seq": 10, "did": DID, "time": TIME, "active": True},
            AccountEvent(10, DID, True, None, TIME),  # type: ignore[arg-type]
        ),
        ("#info", {"name": "OutdatedCursor"}, Info("OutdatedCursor", None)),
    ],
)
def test_the_other_kinds_come_out(kind: str, payload: dict[str, Any], event: Event) -> None:
    assert decode_frame(frame(kind, payload)) == event


def test_an_error_frame_names_its_error() -> None:
    data = frame(None, {"error": "FutureCursor", "message": "too far"}, op=-1)
    assert decode_frame(data) == StreamError("FutureCursor", "too far")


def test_case_04_an_unknown_kind_is_ignored_and_its_seq_counts() -> None:
    assert decode_frame(frame("#unknown", {"seq": 5, "x": [1]})) == Unknown(5)
    assert decode_frame(frame("#tombstone", {})) == Unknown(None)
    assert decode_frame(frame("#commit", commit(), op=2)) == Unknown(7)


def test_case_05_unknown_fields_of_header_and_payload_are_ignored() -> None:
    data = frame("#commit", commit(new={"deep": [1, 2]}), more="x")
    assert decode_frame(data) == decode_commit()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        frame("#commit", commit())[:-1],
        frame("#commit", commit()) + dag_cbor({}),
        dag_cbor({"op": 1, "t": "#commit"}),
        dag_cbor([1]) + dag_cbor(commit()),
        frame("#commit", [commit()]),
        dag_cbor({"t": "#commit"}) + dag_cbor(commit()),
        dag_cbor({"op": True, "t": "#commit"}) + dag_cbor(commit()),
        dag_cbor({"op": 1}) + dag_cbor(commit()),
        dag_cbor({"op": 1, "t": 1}) + dag_cbor(commit()),
        frame("#commit", commit(seq=float("nan"))),
        cbor2.dumps({"op": 1, "t": "#info"}) + cbor2.dumps({"name": cbor2.CBORTag(1, 2)}),
        dag_cbor({"op": 1, "t": "#info"}) + b"\x81" * 50_000 + b"\xf6",
    ],
)
def test_case_06_a_frame_that_is_not_two_maps_is_malformed(data: bytes) -> None:
    assert reason_of(data) is Reason.MALFORMED_FRAME


@pytest.mark.parametrize(
    "fields",
    [
        {"seq": 0},
        {"seq": -1},
        {"seq": 2**53},
        {"seq": True},
        {"seq": "7"},
        {"repo": "did:plc"},
        {"repo": "did:plc:" + "a" * 2048},
        {"repo": None},
        {"rev": "not-a-tid"},
        {"rev": 1},
        {"since": "not-a-tid"},
        {"commit": None},
        {"commit": b"\x01\x71\x12\x20short"},
        {"commit": link_to(b"", codec=0x55)},
        {"prevData": "text"},
        {"prevData": link_to(b"", codec=0x55)},
        {"blocks": "text"},
        {"ops": None},
        {"ops": {}},
        {"ops": ["op"]},
        {"ops": [op(action="upsert")]},
        {"ops": [op(action="")]},
        {"ops": [{**op(), "action": ["create"]}]},
        {"ops": [op(path="")]},
        {"ops": [op(path="a" * 1025)]},
        {"ops": [{**op(), "path": 5}]},
        {"ops": [op(cid=None)]},
        {"ops": [op(cid="bafy")]},
        {"ops": [op(cid=b"\x01" * 101)]},
        {"ops": [op(prev=LINK)]},
        {"ops": [op("update", cid=None)]},
        {"ops": [op("delete", cid=LINK)]},
        {"time": None},
        {"time": "x" * 65},
    ],
)
def test_a_field_of_the_wrong_kind_rejects_the_event(fields: dict[str, object]) -> None:
    data = frame("#commit", commit(**fields))
    assert reason_of(data) is Reason.INVALID_EVENT
    peek(data, OURS)


@pytest.mark.parametrize("field", ["seq", "repo", "commit", "rev", "blocks", "ops", "time"])
def test_a_missing_field_rejects_the_event(field: str) -> None:
    assert reason_of(frame("#commit", without(commit(), field))) is Reason.INVALID_EVENT


def test_case_33_two_ops_of_one_path_are_rejected() -> None:
    ops = [op("delete"), op("create")]
    assert reason_of(frame("#commit", commit(ops=ops))) is Reason.INVALID_EVENT


def test_case_34_201_ops_are_rejected_and_200_are_not() -> None:
    ops = [op(path=f"fm.plyr.track/{n}") for n in range(201)]
    assert reason_of(frame("#commit", commit(ops=ops))) is Reason.INVALID_EVENT
    assert len(decode_commit(ops=ops[:200]).ops) == 200


def test_case_35_blocks_of_2_000_001_bytes_are_rejected() -> None:
    assert reason_of(frame("#commit", commit(blocks=bytes(2_000_001)))) is Reason.INVALID_EVENT
    assert len(decode_commit(blocks=bytes(2_000_000)).blocks) == 2_000_000


def test_the_blocks_of_a_sync_hold_a_commit_and_no_more() -> None:
    payload = {"seq": 8, "did": DID, "rev": REV, "blocks": bytes(10_001), "time": TIME}
    assert reason_of(frame("#sync", payload)) is Reason.INVALID_EVENT


def test_case_42_an_op_without_prev_is_left_to_verification() -> None:
    ops = [without(op("update"), "prev"), without(op("delete", "a.b.c/d"), "prev")]
    assert [one.prev for one in decode_commit(ops=ops).ops] == [None, None]


def test_case_43_deprecated_flags_are_ignored() -> None:
    assert decode_commit(tooBig=True, rebase=True, blobs=[LINK]) == decode_commit()
    assert decode_frame(frame("#commit", without(commit(), "blobs"))) == decode_commit()


def test_an_account_status_of_another_kind_is_no_status() -> None:
    payload = {"seq": 1, "did": DID, "time": TIME, "active": False}
    for status in (5, "x" * 65, "takendown\0"):
        event = decode_frame(frame("#account", {**payload, "status": status}))
        assert isinstance(event, AccountEvent)
        assert event.status is None
    assert reason_of(frame("#account", {**payload, "active": 0})) is Reason.INVALID_EVENT


def test_a_frame_over_five_megabytes_is_malformed() -> None:
    empty = frame("#unknown", {"x": bytes(70_000)})
    fullest = frame("#unknown", {"x": bytes(70_000 + MAX_FRAME_BYTES - len(empty))})
    assert len(fullest) == MAX_FRAME_BYTES
    decode_frame(fullest)
    larger = frame("#unknown", {"x": bytes(70_001 + MAX_FRAME_BYTES - len(empty))})
    assert reason_of(larger) is Reason.MALFORMED_FRAME


def test_a_frame_that_would_grow_in_memory_is_refused_before_it_does() -> None:
    header = dag_cbor({"op": 1, "t": "#info"})
    bomb = header + b"\x9a" + (4_900_000).to_bytes(4) + b"\xa0" * 4_900_000
    assert reason_of(bomb) is Reason.MALFORMED_FRAME
    assert least_cpu_seconds(lambda: reason_of(bomb)) < 0.1
    assert len(decode_commit(blocks=b"\xa0" * 1_900_000).blocks) == 1_900_000


def test_the_fullest_legal_commit_stays_below_the_item_count() -> None:
    ops = [op("update", f"fm.plyr.track/{'x' * 500}{n}") for n in range(200)]
    assert len(decode_commit(ops=ops, blocks=bytes(1_000_000)).ops) == 200
    assert MAX_ITEMS > 200 * 12


def test_peek_tells_whether_a_commit_touches_our_collections() -> None:
    ours = peek(frame("#commit", commit(ops=[op(path="a.b.c/x"), op()])), OURS)
    assert (ours.kind, ours.seq, ours.did, ours.time) == (Kind.COMMIT, 7, DID, TIME)
    assert ours.touches
    for path in ("app.bsky.feed.post/a", "fm.plyr.trackless/a", "x/fm.plyr.track"):
        assert not peek(frame("#commit", commit(ops=[op(path=path)])), OURS).touches
    assert not peek(frame("#commit", commit(ops=[])), OURS).touches


def test_peek_leaves_what_it_cannot_tell_to_decoding() -> None:
    odd: list[object] = [None, 5, [5], [{}], [{"path": 5}], [op(path="a.b.c/x")] * 201]
    for ops in odd:
        assert peek(frame("#commit", commit(ops=ops)), OURS).touches


def test_peek_gives_a_seq_only_when_it_is_one() -> None:
    for seq in (None, 0, 2**53, "7"):
        assert peek(frame("#commit", commit(seq=seq)), OURS).seq is None


SEEDS = [
    frame("#commit", commit(ops=[op(), op("update", "fm.plyr.like/b")], since=REV, prevData=LINK)),
    frame("#sync", {"seq": 8, "did": DID, "rev": REV, "blocks": b"car", "time": TIME}),
    frame("#account", {"seq": 10, "did": DID, "time": TIME, "active": True, "status": "x"}),
    frame(None, {"error": "FutureCursor", "message": "too far"}, op=-1),
]


@given(hostile(SEEDS))
@BOUNDED
def test_any_bytes_are_an_event_or_rejected(data: bytes) -> None:
    with contextlib.suppress(Rejected):
        decode_frame(data)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(sorted({*commit(), "prevData"})), json_like)
@BOUNDED
def test_a_commit_with_any_value_in_a_field_is_an_event_or_rejected(
    field: str, value: object
) -> None:
    with contextlib.suppress(Rejected):
        decode_frame(frame("#commit", commit(**{field: value})))


@given(st.sampled_from(["action", "path", "cid", "prev"]), json_like)
@BOUNDED
def test_an_op_with_any_value_in_a_field_is_an_event_or_rejected(field: str, value: object) -> None:
    with contextlib.suppress(Rejected):
        decode_frame(frame("#commit", commit(ops=[{**op("update"), field: value}])))
