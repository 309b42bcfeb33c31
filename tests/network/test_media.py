"""R30-R32, R34-R36, R45: what records say of bytes and labels, before anything plays.

Nothing is fetched that a record names before somebody wants to see it, no address of a stranger is
handed on, and nobody's record says anything about another's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.appview.covers import FRONT_COVER, covered, picture
from tests.network import http, scenes
from tests.network.http import HttpServer
from tests.network.makers import playlist, track
from tests.network.program import Json
from tests.network.story import Story
from tests.network.world import Person, Written
from tests.support import wait_until

GET_BLOB = "com.atproto.sync.getBlob"
TRUSTED = "https://localhost:9/audio/0123456789abcdef.mp3"  # where nobody listens


@pytest.fixture
async def stranger() -> AsyncIterator[HttpServer]:
    """Anybody's server, to which a record points."""
    server = HttpServer()
    server.faults.on("*", http.body(b"ID3", "audio/mpeg"))
    await server.open()
    yield server
    await server.close()


def a_blob(person: Person, data: bytes = b"RIFF of a song") -> Json:
    return person.pds.add_blob(person.did, data, "audio/wav")


async def view_of(story: Story, written: Written) -> Json:
    """Without the record itself, which is what its author signed, word for word."""
    answer = await story.query("feed.getTrack", uri=written.uri)
    view: Json = answer.body["track"]
    del view["record"]
    return view


async def shown_everywhere(story: Story, person: Person, song: Written) -> str:
    """Every answer that has this track in it, as text."""
    album = await person.write(playlist([song]))
    await story.holds()
    answers = [
        str(await view_of(story, song)),
        *[
            str((await story.query(method, **params)).body)
            for method, params in (
                ("feed.getLatest", {}),
                ("feed.getActorTracks", {"actor": person.did}),
                ("library.getList", {"uri": album.uri}),
            )
        ],
    ]
    assert all(song.uri in answer for answer in answers)
    return "\n".join(answers)


async def test_R30_R31_a_strangers_address_is_neither_asked_nor_passed_on(
    story: Story, stranger: HttpServer
) -> None:
    alice = await story.person("alice")
    address = f"{stranger.url}/song.mp3"
    song = await alice.write(track("Elsewhere", audioUrl=address, imageUrl=address))
    await story.holds()
    assert (await view_of(story, song))["playability"] == "unavailable"
    assert stranger.url not in await shown_everywhere(story, alice, song)
    await alice.update(song, track("Here", audioUrl=TRUSTED))
    await story.holds()
    assert (await view_of(story, song))["playability"] == "pending"
    await alice.update(song, track("Both", audioUrl=address, audioBlob=a_blob(alice)))
    await story.holds()
    assert (await view_of(story, song))["playability"] == "playable"
    assert stranger.url not in await shown_everywhere(story, alice, song)
    assert stranger.asked == []


async def test_R32_a_picture_at_a_strangers_address_is_shown_by_us_until_its_record_is_gone(
    story: Story, stranger: HttpServer
) -> None:
    stranger.faults.clear()
    stranger.faults.on("*", http.body(picture(), "image/png"))
    alice = await story.person("alice")
    song = await alice.write(track("Painted", imageUrl=f"{stranger.url}/cover.png"))
    await story.holds()
    address = (await view_of(story, song))["artwork"]["thumb"]
    assert address.startswith(f"{story.program.url}/img/thumb/")
    path = address.removeprefix(story.program.url)
    shown = await story.program.get(path)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert len(stranger.asked) == 1
    await story.program.restart()
    assert (await story.program.get(path)).content == shown.content
    assert len(stranger.asked) == 1
    await alice.delete(song)
    await story.holds()

    async def is_gone() -> bool:
        return (await story.program.get(path)).status_code == 404

    await wait_until(is_gone)


async def test_a_song_that_somebody_has_heard_shows_the_cover_inside_it(story: Story) -> None:
    alice = await story.person("alice")
    sound = covered("mp3", (FRONT_COVER, picture(400)))
    blob = alice.pds.add_blob(alice.did, sound, "audio/mpeg")
    song = await alice.write(track("Tagged", audioUrl=None, audioBlob=blob))
    await story.holds()
    assert "artwork" not in await view_of(story, song)
    heard = await story.program.get(
        "/xrpc/fm.plyr.playback.getBlob", [("did", alice.did), ("cid", str(blob["ref"]))]
    )
    assert heard.content == sound

    async def has_artwork() -> bool:
        return "artwork" in await view_of(story, song)

    await wait_until(has_artwork)
    address = (await view_of(story, song))["artwork"]["full"]
    shown = await story.program.get(address.removeprefix(story.program.url))
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert alice.times_asked(GET_BLOB) == 1


async def test_R31_what_nobody_has_proven_to_be_there_is_not_said_to_be(
    story: Story,
) -> None:
    alice = await story.person("alice")
    at_cdn = await alice.write(track("A trusted address", audioUrl=TRUSTED))
    blob = {**a_blob(alice), "size": 104_857_600}
    as_blob = await alice.write(track("A blob that is not there", audioUrl=None, audioBlob=blob))
    await story.holds()
    assert (await view_of(story, at_cdn))["playability"] == "pending"
    answer = await story.query("playback.getPlayback", uri=as_blob.uri)
    assert {source["status"] for source in answer.body["playback"]["sources"]} == {"unknown"}


async def test_R34_no_blob_is_fetched_and_none_past_the_cap_is_believed(story: Story) -> None:
    alice = await story.person("alice")
    song = await alice.write(track("Whole", audioBlob=a_blob(alice)))
    for wrong in ({"size": 104_857_601}, {"size": -1}, {"mimeType": "text/html"}, {"ref": "x"}):
        blob = {**a_blob(alice), **wrong}
        await story.quarantines(await alice.write(track(audioBlob=blob), valid=False))
    await alice.update(song, track("Replaced", audioBlob=a_blob(alice, b"other bytes")))
    await story.holds()
    assert alice.times_asked(GET_BLOB) == 0


async def test_R35_a_name_for_a_file_that_an_author_made_up_names_nothing(story: Story) -> None:
    """The same fileId, rkey, address and blob in two records: each stays its author's."""
    alice, mallory = await story.person("alice"), await story.person("mallory")
    same = {"fileId": "0123456789abcdef", "audioUrl": TRUSTED}
    song = await alice.write(track("The song", audioBlob=a_blob(alice), **same))
    await mallory.write(
        track("Hijacked", audioBlob=a_blob(mallory), createdAt="2100-01-01T00:00:00Z", **same),
        rkey=song.rkey,
    )
    await story.holds()
    rows = await story.program.rows("select did, title from track where rkey = $1", song.rkey)
    assert {tuple(row) for row in rows} == {(alice.did, "The song"), (mallory.did, "Hijacked")}
    view = await view_of(story, song)
    assert (view["title"], view["author"]["did"]) == ("The song", alice.did)


async def test_R36_bytes_that_two_people_have_stay_with_the_other_when_one_goes(
    story: Story,
) -> None:
    alice, bob, carol = [await story.person(name) for name in ("alice", "bob", "carol")]
    songs = [await one.write(track("Ours", audioUrl=None, audioBlob=a_blob(one)))
             for one in (alice, bob, carol)]  # fmt: skip
    await story.holds()
    before = await view_of(story, songs[2])
    await alice.delete(songs[0])
    await bob.become("deleted")

    async def purged() -> bool:
        rows = await story.program.rows(
            "select 1 from account where did = $1 and purged_at is not null", bob.did
        )
        return bool(rows)

    await wait_until(purged)
    await story.holds()
    assert await view_of(story, songs[2]) == before
    rows = await story.program.rows("select audio_cid from track where did = $1", carol.did)
    assert [row["audio_cid"] for row in rows] == [str(a_blob(carol)["ref"])]


def labelled(*values: str) -> Json:
    return {
        "$type": "com.atproto.label.defs#selfLabels",
        "values": [{"val": value} for value in values],
    }


async def test_R45_a_label_goes_when_its_author_takes_it_off_and_not_before(
    story: Story,
) -> None:
    """Neither an outage of the host, nor a walk, nor a new start is a negation."""
    alice, _, _ = await scenes.entangled(story)
    song = await alice.write(track("Explicit", labels=labelled("sexual", "porn")))

    async def labels() -> list[str]:
        return [label["val"] for label in (await view_of(story, song)).get("labels", [])]

    await story.holds()
    assert await labels() == ["sexual", "porn"]
    alice.pds.faults.on("*", http.status(500))
    with story.world.relay.losing():
        await alice.write(track("Unheard"))
    await alice.sync()
    alice.say_account(active=True, status="throttled")
    await story.program.restart()
    await story.passes()
    assert await labels() == ["sexual", "porn"]
    alice.pds.faults.clear()
    await story.holds_in_the_end()
    assert await labels() == ["sexual", "porn"]
    await alice.update(song, track("Explicit", labels=labelled("porn")))
    await story.holds()
    assert await labels() == ["porn"]
    await alice.update(song, track("Tame"))
    await story.holds()
    assert await labels() == []


async def test_a_blob_that_its_pds_lost_does_not_play_until_it_is_there_again(story: Story) -> None:
    alice = await story.person("alice")
    blob = a_blob(alice)
    kept = (alice.did, str(blob["ref"]))
    sound = alice.pds.blobs.pop(kept)
    song = await alice.write(track("Lost", audioUrl=None, audioBlob=blob))
    await story.holds()
    assert (await view_of(story, song))["playability"] == "playable", "nobody has asked yet"
    heard = await story.program.get(
        "/xrpc/fm.plyr.playback.getBlob", [("did", alice.did), ("cid", kept[1])]
    )
    assert heard.status_code == 502

    async def becomes(word: str) -> None:
        async def is_so() -> bool:
            await story.program.hurry()
            return bool((await view_of(story, song))["playability"] == word)

        await wait_until(is_so)

    await becomes("unavailable")
    alice.pds.blobs[kept] = sound
    await becomes("playable")
