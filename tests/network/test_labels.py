"""R45: what labelers say that the operator trusts, from their streams to what is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from appview.commands.check import check_labeler
from appview.config import from_env
from tests.databases import new_database
from tests.network.keys import SigningKey
from tests.network.labeler import Labeler
from tests.network.makers import comment, like, track
from tests.network.program import Program
from tests.network.story import Stage, Story
from tests.network.world import Json, World
from tests.support import wait_until
from xrpc.client import GuardedClient


@dataclass
class Labelled(Stage):
    """`strict` signs with P-256."""

    kind: Labeler
    strict: Labeler


@pytest.fixture(scope="module")
async def stage(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Labelled]:
    async with new_database(postgres_url, template) as database_url, World.open() as world:
        kind = await Labeler.start(world, "kind")
        strict = await Labeler.start(world, "strict", "p256")
        settings = {"PLYR_LABELERS": f"{kind.did}, {strict.did}"}
        folder = tmp_path_factory.mktemp("program")
        async with Program(world, database_url, folder, settings=settings) as program:
            begun = await Stage.start(world, program)
            yield Labelled(world, program, begun.witness, kind, strict)
        for labeler in (kind, strict):
            await labeler.stream.close()


async def until_shown(story: Story, uri: str, *, shown: bool = True) -> None:
    async def agrees() -> bool:
        return await story.is_shown(uri) is shown

    await wait_until(agrees)


async def until_taken(story: Story, labeler: Labeler, seq: int) -> None:
    """Whatever the stream had up to there has been looked at."""

    async def taken() -> bool:
        rows = await story.program.rows(
            "select cursor from labels.labeler where did = $1", labeler.did
        )
        return bool(rows[0]["cursor"] >= seq)

    await wait_until(taken)


async def values(story: Story, uri: str) -> list[str]:
    answer = await story.query("feed.getTrack", uri=uri)
    return [label["val"] for label in answer.body["track"].get("labels", [])]


def ago(**time: float) -> str:
    return (datetime.now(UTC) - timedelta(**time)).isoformat()


async def test_R45_a_label_stands_until_a_later_negation(story: Story, stage: Labelled) -> None:
    _, song = await story.known()
    await until_taken(story, stage.kind, stage.kind.says("sexual", song.uri, cts=ago(hours=1)))
    await until_taken(story, stage.strict, stage.strict.says("porn", song.uri))
    assert await values(story, song.uri) in (["sexual", "porn"], ["porn", "sexual"])
    early = stage.kind.takes_back("sexual", song.uri, cts=ago(hours=2))
    await until_taken(story, stage.kind, early)
    assert len(await values(story, song.uri)) == 2
    await until_taken(story, stage.kind, stage.kind.takes_back("sexual", song.uri))
    assert await values(story, song.uri) == ["porn"]
    late = stage.kind.says("sexual", song.uri, cts=ago(hours=1))
    await until_taken(story, stage.kind, late)
    assert await values(story, song.uri) == ["porn"]
    await until_taken(story, stage.kind, stage.kind.says("sexual", song.uri))
    assert len(await values(story, song.uri)) == 2


async def test_R45_a_track_is_hidden_until_its_labeler_says_otherwise(
    story: Story, stage: Labelled
) -> None:
    alice, song = await story.known()
    stage.kind.says("!takedown", song.uri)
    await until_shown(story, song.uri, shown=False)
    assert (await story.record_status(song.uri))["reason"] == "taken-down"
    assert (await story.query("feed.getActorTracks", actor=alice.did)).body["feed"] == []
    profile = (await story.query("actor.getProfile", actor=alice.did)).body["profile"]
    assert profile["trackCount"] == 0
    assert (await story.query("playback.getPlayback", uri=song.uri)).status == 400
    assert (await story.program.get(f"/stream/{alice.did}/{song.rkey}")).status_code == 404
    stage.kind.takes_back("!takedown", song.uri)
    await until_shown(story, song.uri)
    profile = (await story.query("actor.getProfile", actor=alice.did)).body["profile"]
    assert profile["trackCount"] == 1


async def test_R45_a_hidden_account_leaves_the_counts_and_returns(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    said = await bob.write(comment(song))
    await story.holds()

    async def counts() -> tuple[int, int]:
        comments = (await story.query("feed.getComments", uri=song.uri)).body["comments"]
        return await story.likes_of(song.uri), len(comments)

    async def until(expected: tuple[int, int]) -> None:
        async def agrees() -> bool:
            return await counts() == expected

        await wait_until(agrees)

    stage.strict.says("!hide", said.uri)
    await until((1, 0))
    stage.strict.says("!hide", bob.did)
    await until((0, 0))
    stage.strict.takes_back("!hide", said.uri)
    stage.strict.takes_back("!hide", bob.did)
    await until((1, 1))
    await story.holds()


async def test_R45_what_comes_after_its_label_is_hidden_at_once(
    story: Story, stage: Labelled
) -> None:
    alice, _ = await story.known()
    song = track("Foreseen")
    path = alice.new_path(song)
    stage.kind.says("!takedown", alice.uri(path))
    await until_taken(story, stage.kind, stage.kind.says("sexual", alice.uri(path)))
    written = await alice.write(song, path.rpartition("/")[2])
    await story.passes()
    assert not await story.is_shown(written.uri)
    stage.kind.takes_back("!takedown", written.uri)
    await until_shown(story, written.uri)
    assert await values(story, written.uri) == ["sexual"]


async def test_R45_who_is_labelled_before_anybody_met_him_is_hidden_at_once(
    story: Story, stage: Labelled
) -> None:
    bob = await story.person("bob")
    await until_taken(story, stage.kind, stage.kind.says("!takedown", bob.did))
    written = await bob.write(track("Never heard"))
    await story.passes()
    assert (await story.record_status(written.uri))["reason"] == "taken-down"
    stage.kind.takes_back("!takedown", bob.did)
    await until_shown(story, written.uri)


async def test_R45_a_label_of_one_version_goes_with_it(story: Story, stage: Labelled) -> None:
    alice, song = await story.known()
    stage.kind.says("!hide", song.uri, cid=song.cid)
    await until_taken(story, stage.kind, stage.kind.says("sexual", song.uri, cid=song.cid))
    await until_shown(story, song.uri, shown=False)
    before = alice.record(song.path)
    await alice.update(song, track("Without the sample"))
    await until_shown(story, song.uri)
    assert await values(story, song.uri) == []
    assert isinstance(before, dict)
    await alice.update(song, before)
    await until_shown(story, song.uri, shown=False)
    stage.kind.takes_back("!hide", song.uri, cid=song.cid)
    await until_shown(story, song.uri)
    assert await values(story, song.uri) == ["sexual"]


async def test_R45_a_label_ends_when_it_says_so(story: Story, stage: Labelled) -> None:
    _, song = await story.known()
    soon = ago(seconds=-4)
    stage.kind.says("!takedown", song.uri, exp=soon)
    stage.kind.says("sexual", song.uri, exp=soon)
    await until_shown(story, song.uri, shown=False)
    await until_shown(story, song.uri)
    assert await values(story, song.uri) == []


async def test_R45_neither_labelers_nor_the_operator_undo_one_another(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    await until_taken(story, stage.kind, stage.kind.says("!takedown", song.uri))
    await until_taken(story, stage.strict, stage.strict.says("!hide", song.uri))
    await story.program.command_line("takedown", song.uri)
    await until_taken(story, stage.kind, stage.kind.takes_back("!takedown", song.uri))
    assert not await story.is_shown(song.uri)
    said = await story.program.command_line("restore", song.uri)
    assert f"it stays hidden by {stage.strict.did}" in said
    assert not await story.is_shown(song.uri)
    await story.program.command_line("takedown", song.uri)
    await until_taken(story, stage.strict, stage.strict.takes_back("!hide", song.uri))
    assert not await story.is_shown(song.uri)
    await story.program.command_line("restore", song.uri)
    assert await story.is_shown(song.uri)


async def test_R45_a_labeler_that_is_away_takes_nothing_back(story: Story, stage: Labelled) -> None:
    alice, song = await story.known()
    other = await alice.write(track("Labelled while we were away"))
    stage.kind.says("!takedown", song.uri)
    await until_shown(story, song.uri, shown=False)
    await stage.kind.stream.close()
    await story.program.restart()
    await story.passes()
    assert not await story.is_shown(song.uri)
    stage.kind.takes_back("!takedown", song.uri)
    stage.kind.says("!hide", other.uri)
    await stage.kind.stream.open()
    await until_shown(story, song.uri)
    await until_shown(story, other.uri, shown=False)


async def test_R45_the_stream_is_read_again_from_one_before(story: Story, stage: Labelled) -> None:
    _, song = await story.known()
    stage.kind.says("sexual", song.uri)
    last = stage.kind.says("porn", song.uri)
    await until_taken(story, stage.kind, last)
    stored = "select * from labels.label order by uri, src, val, cid"
    before = await story.program.rows(stored)
    await stage.kind.stream.cut()
    await wait_until(lambda: stage.kind.stream.subscribers)
    assert stage.kind.stream.cursors_asked[-1] == last - 1
    await until_taken(story, stage.kind, stage.kind.says("nudity", song.uri))
    after = await story.program.rows(stored)
    assert [row for row in after if row["val"] != "nudity"] == before


REFUSED = ["bad-signature", "foreign-source", "malformed-label", "unknown-version"]


async def test_R45_a_label_counts_only_as_its_labeler_signed_it(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    kind = stage.kind

    def lie(signed_with: SigningKey | None = None, **fields: object) -> Json:
        return kind.signed(kind.label("!takedown", song.uri, **fields), signed_with)

    true = lie()
    message = {name: value for name, value in true.items() if name != "sig"}
    kind.sends(
        lie(SigningKey()),
        lie(kind.person.account.key),
        {**true, "val": "!hide"},
        {**true, "sig": kind.high(message)},
        {**true, "sig": b""},
        message,
        lie(src=stage.strict.did),
        lie(ver=2),
        lie(ver=None),
        lie(cts="yesterday"),
        lie(cts=None),
        kind.signed(kind.label("x" * 129, song.uri)),
        kind.signed(kind.label("\0", song.uri)),
        lie(exp=7),
    )
    at_last = kind.signed({**kind.label("sexual", song.uri), "$type": "com.example#unknown"})
    signed = kind.signed(kind.label("porn", song.uri))
    await until_taken(story, kind, kind.sends(at_last, {**signed, "$type": "not signed"}))
    assert await values(story, song.uri) == ["porn"]
    for reason in REFUSED:
        assert await story.program.metric("plyr_labels_refused_total", reason=reason) > 0


async def test_R45_a_new_key_is_looked_up_and_the_old_one_refused(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    await until_taken(story, stage.strict, stage.strict.says("sexual", song.uri))
    old = stage.strict.rotate_key("k256")
    await until_taken(story, stage.strict, stage.strict.says("porn", song.uri))
    late = stage.strict.label("nudity", song.uri)
    await until_taken(story, stage.strict, stage.strict.sends(stage.strict.signed(late, old)))
    assert await values(story, song.uri) == ["porn", "sexual"]


async def test_R45_nonsense_in_the_stream_loses_nothing_beside_it(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    for nonsense in (b"", b"\xff", b"\xa1" * 2_000, b"\x80\x80"):
        stage.kind.stream.inject(nonsense)
    stage.kind.sends(*[{"uri": song.uri}] * 3)
    await until_taken(story, stage.kind, stage.kind.says("sexual", song.uri))
    assert await values(story, song.uri) == ["sexual"]


async def test_R45_frames_of_text_as_plyr_fm_sends_them(story: Story, stage: Labelled) -> None:
    _, song = await story.known()
    label = stage.kind.signed(stage.kind.label("copyright-violation", song.uri))
    label["sig"] = list(label["sig"])
    seq = stage.kind.stream.foreign(lambda _: b"")
    stage.kind.stream.inject(orjson.dumps({"seq": seq, "labels": [label]}).decode())
    await until_taken(story, stage.kind, seq)
    assert await values(story, song.uri) == ["copyright-violation"]


async def test_case_138_a_labeler_that_starts_over_clears_nothing(
    story: Story, stage: Labelled
) -> None:
    _, song = await story.known()
    last = stage.strict.says("!takedown", song.uri)
    await until_shown(story, song.uri, shown=False)
    asked = len(stage.strict.stream.cursors_asked)
    await stage.strict.stream.close()
    stage.strict.stream.start_over()
    await stage.strict.stream.open()
    await wait_until(lambda: len(stage.strict.stream.cursors_asked) > asked)
    assert set(stage.strict.stream.cursors_asked[asked:]) == {last - 1}
    assert not await story.is_shown(song.uri)
    stage.strict.stream.start_over(last)
    stage.strict.takes_back("!takedown", song.uri)
    await until_shown(story, song.uri)


async def test_check_says_whether_each_labeler_is_heard(story: Story, stage: Labelled) -> None:
    labelers = f"{stage.kind.did},{stage.witness.did}"
    config = from_env({**story.program.environment(), "PLYR_LABELERS": labelers})
    async with GuardedClient(allow_private_addresses=True, user_agent="test") as client:
        found = [await check_labeler(labeler, config, client) for labeler in config.labelers]
        assert [str(finding.level) for finding in found] == ["ok", "warn"]
        assert stage.kind.stream.url in found[0].text


async def test_R45_a_labeler_that_is_not_trusted_any_more_has_no_say(
    story: Story, stage: Labelled
) -> None:
    alice, song = await story.known()
    other = await alice.write(track("Of the other"))
    await until_taken(story, stage.kind, stage.kind.says("!hide", song.uri))
    await until_taken(story, stage.strict, stage.strict.says("!hide", other.uri))
    both = story.program.settings
    story.program.settings = {"PLYR_LABELERS": stage.strict.did}
    await story.program.restart()
    await until_shown(story, song.uri)
    assert not await story.is_shown(other.uri)
    story.program.settings = both
    await story.program.restart()
    await until_shown(story, song.uri, shown=False)
