"""Records to rows, and the reasons why some become none."""

import importlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import indexer.records
from indexer.events import QuarantineReason, RecordChange
from indexer.records.prepare import Prepared, RecordState, prepare
from indexer.records.record_type import RecordType, sort_time
from indexer.records.registry import RECORD_TYPES, record_types
from indexer.records.track import BIGINT_MAX, TAGS_MAX, TrackRow, tags
from lexicons.catalog import load_catalog
from lexicons.data_model import encode
from lexicons.syntax import tid_from_micros
from tests.indexer.changes import (
    ALICE,
    BOB,
    CATALOG,
    NOW,
    TRACK_URI,
    TYPES,
    audio_blob,
    change,
    comment,
    like,
    listing,
    profile,
    tid,
    track,
)

SELF_LABELS = "com.atproto.label.defs#selfLabels"


def prepared(of: RecordChange) -> Prepared:
    return prepare(of, TYPES, CATALOG, NOW)


def quarantined(of: RecordChange) -> tuple[QuarantineReason | None, str]:
    result = prepared(of)
    assert (result.state, result.row, result.record) == (RecordState.INVALID, None, None)
    return result.reason, result.detail or ""


def row_of(record: dict[str, Any], **where: Any) -> Any:
    result = prepared(change(record, **where))
    assert result.state is RecordState.VALID, result.detail
    return result.row


def track_row(**fields: Any) -> TrackRow:
    row = row_of(track(**fields))
    assert isinstance(row, TrackRow)
    return row


def test_a_track_keeps_what_its_author_wrote() -> None:
    row = track_row(
        album="Shore",
        description="for #Ambient nights",
        duration=61,
        audioUrl="https://audio.example/a.mp3",
        audioBlob=audio_blob(),
        imageUrl="https://elsewhere.example/cover.png",
        supportGate={"type": "copyright"},
        features=[{"did": BOB, "handle": "old.example"}, {"did": BOB}],
        labels={
            "$type": SELF_LABELS,
            "values": [{"val": "sexual"}, {"val": "sexual"}],
        },
        tags=["Drone", 7, "ambient"],
    )
    assert (row.title, row.album, row.duration_ms) == ("Sea", "Shore", 61_000)
    assert row.audio_url == "https://audio.example/a.mp3"
    assert row.audio_cid == str(audio_blob()["ref"])
    assert (row.audio_mime, row.audio_size) == ("audio/mpeg", 5)
    assert row.image_url == "https://elsewhere.example/cover.png"
    assert row.gate_type == "copyright"
    assert row.features == (BOB,)
    assert row.self_labels == ("sexual",)
    assert row.tags == ("ambient", "drone")


def test_R10_what_a_track_does_not_say_is_absent() -> None:
    row = track_row()
    assert (row.album, row.description, row.duration_ms, row.image_url) == (None,) * 4
    assert (row.audio_url, row.audio_cid, row.audio_mime, row.audio_size) == (None,) * 4
    assert (row.gate_type, row.features, row.tags, row.self_labels) == (None, (), (), ())


def test_labels_of_an_unknown_kind_say_nothing() -> None:
    assert track_row(labels={"$type": "com.example#labels", "values": 3}).self_labels == ()


def test_a_like_and_a_comment_name_their_subject() -> None:
    assert row_of(like()).subject == TRACK_URI
    row = row_of(comment(text="ha", timestampMs=7, updatedAt="2026-09-02T00:00:00Z"))
    assert (row.subject, row.text, row.timestamp_ms) == (TRACK_URI, "ha", 7)
    assert row.updated_at == "2026-09-02T00:00:00Z"


def test_R48_album_and_liked_lists_keep_items_and_order() -> None:
    others = [f"at://{BOB}/fm.plyr.track/{tid(number)}" for number in range(3)]
    for list_type in ("album", "liked", "playlist", "mixtape"):
        row = row_of(listing(*others, TRACK_URI, others[0], listType=list_type))
        assert [item.subject for item in row.items] == [*others, TRACK_URI, others[0]]
        assert (row.item_count, row.list_type) == (5, list_type)


def test_R48_a_list_points_once_at_what_it_holds_twice() -> None:
    (kind,) = (kind for kind in RECORD_TYPES if kind.name == "list")
    row = row_of(listing(TRACK_URI, TRACK_URI))
    assert list(kind.subjects(row)) == [TRACK_URI]


def test_a_bluesky_profile_gives_name_and_picture() -> None:
    avatar = audio_blob() | {"mimeType": "image/png"}
    record = {"$type": "app.bsky.actor.profile", "displayName": "Al", "avatar": avatar}
    row = row_of(record, key="self")
    assert (row.did, row.display_name, row.avatar_cid) == (ALICE, "Al", str(avatar["ref"]))
    assert row_of({"$type": "app.bsky.actor.profile"}, key="self").avatar_cid is None


def test_R11_the_sort_time_is_that_of_the_key_whatever_createdAt_says() -> None:
    row = track_row(createdAt="2031-01-01T00:00:00+01:00")
    assert row.sort_at == datetime(2026, 6, 1, tzinfo=UTC) + timedelta(microseconds=1)
    assert row.created_at == "2031-01-01T00:00:00+01:00"


def test_R37_nobody_writes_into_the_future() -> None:
    assert sort_time(tid(1, year=2027), NOW) == NOW
    assert track_row(createdAt="9999-12-31T23:59:59Z").sort_at < NOW
    assert prepared(change(track(createdAt="0000-01-01T00:00:00Z"))).state is RecordState.VALID


@pytest.mark.parametrize("rkey", ["self", "", "2222222222222", "jzzzzzzzzzzzz", "not-a-tid"])
def test_R37_no_key_makes_the_sort_time_fail(rkey: str) -> None:
    assert sort_time(rkey, NOW) <= NOW


def test_a_time_before_2000_sorts_as_old_as_it_says() -> None:
    moment = datetime(1999, 1, 1, tzinfo=UTC)
    assert sort_time(tid_from_micros(int(moment.timestamp()) * 1_000_000), NOW) == moment
    assert sort_time("2222222222222", NOW) == datetime(1970, 1, 1, tzinfo=UTC)


@given(st.text(alphabet="234567abcdefghijklmnopqrstuvwxyz.~", max_size=15))
def test_R37_any_key_has_a_sort_time_that_is_not_ahead(rkey: str) -> None:
    assert sort_time(rkey, NOW) <= NOW


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ("#Ambient #drone", ("ambient", "drone")),
        ("lo-fi: #lo-fi, (#R&B) #Hip_Hop!", ("lo-fi", "r&b", "hip_hop")),
        ("#1 in the charts, #2024", ()),
        ("https://x.example/#part and a#b", ()),
        ("#日本語 #été ＃全角 #🎵", ("日本語", "été", "全角", "🎵")),
        ("# #. ##", ()),
        ("#a/b", ("a/b",)),
        ("#twice #Twice", ("twice",)),
        ("#" + "x" * 65, ()),
    ],
)
def test_tags_come_from_the_description(description: str, found: tuple[str, ...]) -> None:
    assert tags(description, None) == found


def test_tags_are_bounded_and_tolerate_any_array() -> None:
    assert len(tags(" ".join(f"#tag{n}" for n in range(1000)), None)) == TAGS_MAX
    assert tags("", [None, 3, {"a": 1}, " #Deep  House ", "a\0b", ["x"]]) == ("deep house",)
    assert tags("", "techno") == ()


def test_a_duration_beyond_measure_is_the_longest_there_is() -> None:
    assert track_row(duration=BIGINT_MAX).duration_ms == BIGINT_MAX


@pytest.mark.parametrize(
    "broken",
    [
        track(title=None),
        track(title=True),
        track(title=""),
        track(title="x" * 257),
        track(createdAt="yesterday"),
        track(duration=-1),
        track(audioBlob={"$type": "blob"} | audio_blob() | {"mimeType": "text/html"}),
        track(audioUrl="no uri"),
        track(features=[{}]),
        track(features=["did:plc:bob"]),
        track(supportGate={}),
        track(labels={"$type": SELF_LABELS, "values": [{}]}),
        like() | {"subject": TRACK_URI},
        like() | {"subject": {"uri": TRACK_URI}},
        like("not a uri"),
        comment(text=""),
        comment(timestampMs=-1),
        listing() | {"items": [{}]},
        listing(*[TRACK_URI] * 501),
    ],
)
def test_R38_a_record_that_breaks_its_lexicon_is_quarantined(broken: dict[str, Any]) -> None:
    reason, detail = quarantined(change(broken))
    assert reason is QuarantineReason.INVALID_RECORD
    assert detail


def test_R38_a_record_of_another_type_is_quarantined() -> None:
    reason, detail = quarantined(change(like(), collection="fm.plyr.track"))
    assert (reason, detail[:5]) == (QuarantineReason.INVALID_RECORD, "$type")


@pytest.mark.parametrize("record", [track(), like(), comment(), listing()])
def test_R38_a_key_of_the_wrong_kind_is_quarantined(record: dict[str, Any]) -> None:
    reason, _ = quarantined(change(record, key="not-a-tid"))
    assert reason is QuarantineReason.INVALID_KEY


def test_R38_a_second_profile_of_an_account_is_quarantined() -> None:
    assert row_of(profile(bio="hi"), key="self").bio == "hi"
    assert quarantined(change(profile(), key="notself"))[0] is QuarantineReason.INVALID_KEY


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\xff",
        encode([1, 2]),
        encode(None),
        b"\xa1aa\xfb?\xf8\0\0\0\0\0\0",
        encode(track()) + b"\0",
        encode({"pad": "x" * (1 << 20)}),
        b"\x81" * 100_000,
    ],
)
def test_R38_a_block_that_is_no_record_is_quarantined(block: bytes) -> None:
    assert quarantined(replace(change(track()), value=block))[0] is QuarantineReason.UNDECODABLE


@pytest.mark.parametrize(
    "record",
    [
        track(title="a\0b"),
        track(description="\0"),
        track(features=[{"did": BOB}], album="\0"),
        track(labels={"$type": SELF_LABELS, "values": [{"val": "\0"}]}),
        comment(text="\0"),
        listing(TRACK_URI, name="x\0"),
    ],
)
def test_a_NUL_that_a_column_would_hold_is_unstorable(record: dict[str, Any]) -> None:
    reason, detail = quarantined(change(record))
    assert reason is QuarantineReason.UNSTORABLE
    assert "\0" not in detail


def test_a_NUL_that_no_column_would_hold_hurts_nobody() -> None:
    row = track_row(mood="\0", tags=["a\0b", "fine"], features=[{"did": BOB, "handle": "\0"}])
    assert (row.tags, row.features) == (("fine",), (BOB,))


def test_a_subject_too_long_for_an_index_is_unstorable() -> None:
    subject = f"at://did:web:{'a' * 2030}/fm.plyr.track/{'k' * 512}"
    for record in (like(subject), comment(subject), listing(TRACK_URI, subject)):
        assert quarantined(change(record))[0] is QuarantineReason.UNSTORABLE


def test_the_detail_of_a_quarantine_is_short() -> None:
    _, detail = quarantined(change(track(title="x" * 100_000)))
    assert len(detail) <= 500
    assert len(quarantined(change(track(title="\0" + "é" * 255)))[1]) <= 1000


def test_a_deletion_needs_no_value() -> None:
    assert prepared(change(None, collection="fm.plyr.track")).state is RecordState.DELETED


def test_R20_collections_are_exact_names_in_the_namespace() -> None:
    assert set(record_types("fm.plyr")) == {
        "fm.plyr.track",
        "fm.plyr.like",
        "fm.plyr.comment",
        "fm.plyr.list",
        "fm.plyr.actor.profile",
        "app.bsky.actor.profile",
    }
    staging = set(record_types("fm.plyr.stg")) & set(record_types("fm.plyr"))
    assert staging == {"app.bsky.actor.profile"}


@pytest.mark.parametrize("collection", ["fm.plyr.dev.track", "fm.plyr.stg.like", "x.actor.profile"])
def test_R20_a_change_of_another_namespace_has_no_place(collection: str) -> None:
    with pytest.raises(KeyError):
        prepare(change(None, collection=collection), TYPES, CATALOG, NOW)


def test_R20_another_namespace_has_records_of_its_own() -> None:
    record = track() | {"$type": "fm.plyr.dev.track"}
    catalog, types = load_catalog("fm.plyr.dev"), record_types("fm.plyr.dev")
    assert prepare(change(record), types, catalog, NOW).state is RecordState.VALID
    wrong = change(track(), collection="fm.plyr.dev.track")
    assert prepare(wrong, types, catalog, NOW).state is RecordState.INVALID


def test_every_module_with_a_record_type_is_in_the_registry() -> None:
    folder = Path(indexer.records.__path__[0])
    modules = [importlib.import_module(f"indexer.records.{f.stem}") for f in folder.glob("*.py")]
    found = {
        value for module in modules for value in vars(module).values() if type(value) is RecordType
    }
    assert found == set(RECORD_TYPES)


def test_every_record_lexicon_has_a_record_type() -> None:
    assert set(TYPES) == CATALOG.collections


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KNOWN = [
    track(audioBlob=audio_blob(), duration=3, description="#a", features=[{"did": BOB}]),
    track(
        tags=["a"],
        supportGate={"type": "any"},
        labels={"$type": SELF_LABELS, "values": [{"val": "x"}]},
    ),
    like(),
    comment(),
    listing(TRACK_URI, name="n", listType="album"),
]


@given(st.sampled_from(KNOWN), st.data())
def test_R38_whatever_a_record_holds_it_becomes_a_row_or_a_reason(
    record: dict[str, Any], data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(record)))
    broken = record | {field: data.draw(json_values)}
    try:
        encode(broken)
    except ValueError:
        return
    result = prepared(change(broken, collection=record["$type"]))
    assert (result.row is None) is (result.reason is not None)


@given(st.binary(max_size=200))
def test_R38_whatever_a_block_holds_it_becomes_a_row_or_a_reason(block: bytes) -> None:
    broken = replace(change(track()), value=block)
    assert prepared(broken).reason is not None


def test_a_record_of_more_things_than_any_could_need_is_quarantined_unread() -> None:
    """To make a million empty lists of a megabyte would hold everybody up for seconds."""
    head, count = b"\xa2\x65$type\x6dfm.plyr.track\x61a\x9a", 1_000_000
    block = head + count.to_bytes(4) + b"\x80" * count
    of = replace(change(track()), value=block)
    assert quarantined(of) == (
        QuarantineReason.UNDECODABLE,
        "a record of more than 100000 items",
    )
