"""Checklist 141-150, and R-numbers beside them: what a record says and what is shown of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.network.encoding import tid
from tests.network.makers import (
    comment,
    like,
    playlist,
    profile,
    track,
)
from tests.network.program import Json
from tests.network.story import Story

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


INVALID_TRACKS: dict[str, Json] = {
    "title_257_bytes": {"title": "x" * 257},
    "title_257_bytes_of_129_letters": {"title": "ü" * 128 + "x"},
    "title_empty": {"title": ""},
    "title_missing": {"title": None},
    "title_number": {"title": 7},
    "file_type_17_bytes": {"fileType": "x" * 17},
    "duration_negative": {"duration": -1},
    "duration_boolean": {"duration": True},
    "created_at_without_zone": {"createdAt": "2026-01-01T00:00:00"},
    "created_at_missing": {"createdAt": None},
    "created_at_no_date": {"createdAt": "yesterday"},
    "audio_url_no_uri": {"audioUrl": "not a uri"},
    "eleven_features": {"features": [{"did": "did:plc:" + "a" * 24}] * 11},
    "description_5001_bytes": {"description": "x" * 5001},
}


@pytest.mark.parametrize("name", INVALID_TRACKS)
async def test_case_141_R38_a_track_that_breaks_its_lexicon_is_quarantined(
    story: Story, name: str
) -> None:
    alice = await story.person("alice")
    await alice.write(track("A neighbour"))
    written = await alice.write(track(**INVALID_TRACKS[name]), valid=False)
    await story.quarantines(written)


async def test_case_141_the_longest_title_that_is_allowed_is_shown(story: Story) -> None:
    alice = await story.person("alice")
    await alice.write(track("ü" * 128))
    await alice.write(track(audioUrl=None, description="x" * 5000))
    await story.holds()


@pytest.mark.parametrize("bio", ["x" * 257, FAMILY * 256, FAMILY * 257])
async def test_case_141_a_bio_is_measured_in_graphemes_and_in_bytes(story: Story, bio: str) -> None:
    alice = await story.person("alice")
    written = await alice.write(profile(bio), valid=False)
    await story.quarantines(written)


async def test_case_141_a_bio_of_256_graphemes_is_shown(story: Story) -> None:
    alice = await story.person("alice")
    await alice.write(profile("\U0001f3b5" * 256))
    await alice.write(track())
    await story.holds()


async def test_case_142_unknown_fields_are_kept_word_for_word(story: Story) -> None:
    alice = await story.person("alice")
    odd = {"zebra": {"$type": "x.y.z", "deep": [1, None, {"$unknown": "yes"}]}, "$future": 3}
    written = await alice.write(track("Odd", **odd))
    await story.holds()
    answer = await story.query("feed.getTrack", uri=written.uri)
    record = answer.body["track"]["record"]
    assert {name: record[name] for name in odd} == odd
    assert record["title"] == "Odd"


async def test_case_143_labels_of_an_unknown_kind_are_no_labels(story: Story) -> None:
    alice = await story.person("alice")
    written = await alice.write(track("Labelled", labels={"$type": "com.example.labels", "a": 1}))
    await story.holds()
    answer = await story.query("feed.getTrack", uri=written.uri)
    assert not answer.body["track"].get("labels")


async def test_case_144_a_record_that_becomes_invalid_loses_its_old_view(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    await story.holds()
    broken = await alice.update(song, track(""), valid=False)
    await story.quarantines(broken)
    assert (await story.query("feed.getTrack", uri=song.uri)).status == 400
    await alice.update(song, track("Mended"))
    await story.holds()
    assert await story.likes_of(song.uri) == 1


@pytest.mark.parametrize(
    "created_at", ["9999-12-31T23:59:59Z", "1969-01-01T00:00:00.123456789+14:00"]
)
async def test_case_145_R11_R37_no_date_in_a_record_moves_it_in_the_feed(
    story: Story, created_at: str
) -> None:
    alice = await story.person("alice")
    written = await alice.write(track("When?", createdAt=created_at))
    await story.holds()
    answer = await story.query("feed.getTrack", uri=written.uri)
    view = answer.body["track"]
    assert view["createdAt"] == created_at
    sorted_at = datetime.fromisoformat(view["sortAt"])
    assert abs((datetime.now(UTC) - sorted_at).total_seconds()) < 60


async def test_case_145_the_year_zero_stops_nothing(story: Story) -> None:
    alice = await story.person("alice")
    await alice.write(track("In the year 0", createdAt="0000-01-01T00:00:00Z"))
    await alice.write(track("Today"))
    await story.passes()
    answer = await story.query("feed.getActorTracks", actor=alice.did)
    assert answer.status == 200
    assert "Today" in [item["track"]["title"] for item in answer.body["feed"]]


async def test_case_145_R37_a_key_of_the_future_does_not_lead_the_feed(story: Story) -> None:
    alice = await story.person("alice")
    future = tid(int(datetime(2199, 1, 1, tzinfo=UTC).timestamp() * 1_000_000))
    ahead = await alice.write(track("From the future"), rkey=future)
    await story.holds()
    now = await alice.write(track("From now"))
    await story.holds()
    answer = await story.query("feed.getActorTracks", actor=alice.did)
    assert [item["track"]["uri"] for item in answer.body["feed"]] == [now.uri, ahead.uri]


@pytest.mark.parametrize("record", ["track", "list", "comment", "profile", "subject"])
async def test_case_146_a_zero_character_stops_nothing(story: Story, record: str) -> None:
    alice, song = await story.known()
    zero = "a\x00b"
    value = {
        "track": track(zero),
        "list": playlist([song], zero),
        "comment": comment(song, zero),
        "profile": profile(zero),
        "subject": track("Fine", zebra=zero),
    }[record]
    stored = record == "subject"
    written = await alice.write(value, valid=stored)
    await alice.write(track("After the zero"))
    await story.holds()
    if not stored:
        assert (await story.record_status(written.uri))["state"] == "invalid"


@pytest.mark.parametrize(
    "uri", ["at://%00", "%ED%A0%80", "at://did:plc:x/fm.plyr.track/%00", "%FF"]
)
async def test_case_146_odd_bytes_in_a_parameter_are_the_askers_fault(
    story: Story, uri: str
) -> None:
    response = await story.program.get(f"/xrpc/fm.plyr.feed.getTrack?uri={uri}")
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidRequest"
