"""Labels and their frames from strangers: read as they were signed, or refused and nothing else."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.events import Info, Rejected, StreamError
from indexer.labels.frames import LabelsFrame, read_labels_frame
from indexer.labels.label import SIGNED, Label, LabelReason, LabelRefused, parse_label
from lexicons.syntax import Did
from tests.indexer.mutated import BOUNDED, hostile
from tests.lexicons.strategies import ANYTHING
from tests.network.encoding import dag_cbor, from_dag_cbor
from tests.network.keys import Curve, SigningKey
from tests.network.relay import error_frame, info_frame
from xrpc.keys import parse_multikey

KIND = Did("did:plc:kind")
SONG = "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22"
OURS = frozenset({"fm.plyr.track", "app.bsky.actor.profile"})
CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
LONGEST = f"at://did:web:{'a' * 2_040}/fm.plyr.track/{'a' * 512}"
DEEP = b"\x81" * 100_000


def label(**fields: Any) -> dict[str, Any]:
    """None leaves a field out."""
    made = {
        "ver": 1,
        "src": KIND,
        "uri": SONG,
        "val": "sexual",
        "cts": "2026-01-02T03:04:05Z",
        "sig": b"\x01" * 64,
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def frame(*labels: object, seq: object = 7) -> bytes:
    return dag_cbor({"op": 1, "t": "#labels"}) + dag_cbor({"seq": seq, "labels": list(labels)})


def parsed(**fields: Any) -> Label:
    found = parse_label(label(**fields), KIND, OURS)
    assert found is not None
    return found


WHOLE = label(cid=CID, neg=True, exp="2027-01-01T00:00:00Z")
TEXT = {**WHOLE, "sig": list(WHOLE["sig"])}
SEEDS = [frame(WHOLE), frame(), info_frame("OutdatedCursor"), error_frame("FutureCursor")]


@pytest.mark.parametrize("curve", ["k256", "p256"])
@pytest.mark.parametrize("fields", [{}, {"cid": CID, "neg": True, "exp": "2027-01-01T00:00:00Z"}])
def test_a_label_fits_the_signature_over_what_the_lexicon_names(
    curve: Curve, fields: dict[str, Any]
) -> None:
    key = SigningKey(curve)
    own = label(sig=None, **fields)
    public = parse_multikey(key.multikey)
    sig = key.sign(dag_cbor(own))
    assert parsed(**fields, sig=sig).is_signed_with(public)
    assert parsed(**{"neg": False, **fields, "$type": "x", "sig": sig}).is_signed_with(public)
    assert not parsed(**fields, sig=key.sign_high_s(dag_cbor(own))).is_signed_with(public)
    assert not parsed(**{**fields, "val": "other", "sig": sig}).is_signed_with(public)


@pytest.mark.parametrize(
    ("uri", "is_ours"),
    [
        (SONG, True),
        ("did:plc:alice", True),
        ("at://did:plc:alice/app.bsky.actor.profile/self", True),
        ("at://did:plc:alice/app.bsky.feed.post/3kaaaaaaaaa22", False),
        ("at://did:plc:alice/fm.plyr.track", False),
        ("at://did:plc:alice/fm.plyr.tracks/3kaaaaaaaaa22", False),
        ("at://alice.test/fm.plyr.track/3kaaaaaaaaa22", False),
        (f"{SONG}#/title", False),
        (f"{SONG}\0", False),
        ("at://did:plc:alice", False),
        ("https://alice.test", False),
        ("", False),
    ],
)
def test_only_labels_of_accounts_and_our_records_are_looked_at(uri: str, is_ours: bool) -> None:
    assert (parse_label({"uri": uri, **label(uri=uri)}, KIND, OURS) is not None) is is_ours


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"src": "did:plc:other"}, LabelReason.FOREIGN_SOURCE),
        ({"src": None}, LabelReason.FOREIGN_SOURCE),
        ({"ver": None}, LabelReason.UNKNOWN_VERSION),
        ({"ver": 2}, LabelReason.UNKNOWN_VERSION),
        ({"uri": None}, LabelReason.MALFORMED_LABEL),
        ({"val": ""}, LabelReason.MALFORMED_LABEL),
        ({"val": "é" * 65}, LabelReason.MALFORMED_LABEL),
        ({"val": "a\nb"}, LabelReason.MALFORMED_LABEL),
        ({"cid": "no cid"}, LabelReason.MALFORMED_LABEL),
        ({"neg": 1}, LabelReason.MALFORMED_LABEL),
        ({"cts": "2026"}, LabelReason.MALFORMED_LABEL),
        ({"cts": "0000-01-01T00:00:00Z"}, LabelReason.MALFORMED_LABEL),
        ({"exp": 1}, LabelReason.MALFORMED_LABEL),
        ({"sig": "AAE"}, LabelReason.MALFORMED_LABEL),
        ({"uri": LONGEST, "cid": CID}, LabelReason.MALFORMED_LABEL),
    ],
)
def test_each_refusal_has_its_reason(fields: dict[str, Any], reason: LabelReason) -> None:
    with pytest.raises(LabelRefused) as refused:
        parse_label(label(**fields), KIND, OURS)
    assert refused.value.reason is reason


def test_frames_of_every_kind() -> None:
    assert read_labels_frame(frame(WHOLE)) == LabelsFrame(7, [WHOLE])
    assert read_labels_frame(info_frame("OutdatedCursor")) == Info("OutdatedCursor", "told to")
    assert read_labels_frame(error_frame("FutureCursor")) == StreamError("FutureCursor", "told to")
    assert read_labels_frame(dag_cbor({"op": 1, "t": "#new"}) + dag_cbor({})) is None


def test_a_frame_of_text_says_the_same() -> None:
    text = orjson.dumps({"seq": 7, "labels": [TEXT]}).decode()
    assert read_labels_frame(text) == LabelsFrame(7, [WHOLE])


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        DEEP,
        frame()[:-1],
        frame() + b"\x00",
        frame(seq=0),
        frame(seq=True),
        frame(seq="7"),
        dag_cbor({"op": 1, "t": "#labels"}) + dag_cbor({"seq": 7}),
        dag_cbor({"op": 2}) + dag_cbor({}),
        dag_cbor({}) + dag_cbor({}),
        frame(*[[0] * 100] * 700),
        "",
        "[" * 100_000,
        "[]",
        '{"seq": 7}',
        '{"labels": []}',
        '{"seq": 7, "labels": [' + "1," * 600_000 + "1]}",
    ],
    ids=range(17),
)
def test_what_is_no_frame_is_refused(wrong: bytes | str) -> None:
    with pytest.raises(Rejected):
        read_labels_frame(wrong)


@BOUNDED
@given(hostile(SEEDS))
def test_any_bytes_are_labels_or_refused(data: bytes) -> None:
    everything_is_read_or_refused(data)


@BOUNDED
@given(
    hostile([orjson.dumps({"seq": 7, "labels": [TEXT]})]).map(lambda data: data.decode("latin-1"))
)
def test_any_text_is_labels_or_refused(text: str) -> None:
    everything_is_read_or_refused(text)


@given(st.sampled_from(sorted(WHOLE)), ANYTHING)
def test_any_field_may_hold_anything(name: str, value: object) -> None:
    of_ours_or_refused({**WHOLE, name: value})


@given(ANYTHING)
def test_anything_may_stand_for_a_label(value: object) -> None:
    of_ours_or_refused(value)


def everything_is_read_or_refused(data: bytes | str) -> None:
    try:
        read = read_labels_frame(data)
    except Rejected:
        return
    if isinstance(read, LabelsFrame):
        for one in read.labels:
            of_ours_or_refused(one)


def of_ours_or_refused(value: object) -> None:
    """What comes through can be held by Postgres, and is signed as the data model writes it."""
    try:
        found = parse_label(value, KIND, OURS)
    except LabelRefused:
        return
    if found is None:
        return
    assert found.src == KIND
    texts = (*found.key, found.cts, found.exp or "")
    assert not any("\0" in text for text in texts)
    assert sum(len(text.encode()) for text in found.key) <= 2_600
    assert found.made_at.tzinfo is not None
    assert len(found.sig) == 64
    assert set(from_dag_cbor(found.signed)) <= set(SIGNED)
