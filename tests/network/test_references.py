"""Checklist 147-150, and R-numbers beside them: likes, lists, edits and replays."""

from __future__ import annotations

from tests.network.makers import (
    bsky_profile,
    comment,
    like,
    playlist,
    profile,
    strong_ref,
    track,
)
from tests.network.story import Story
from tests.network.tables import dump
from tests.support import wait_until


async def test_case_147_R15_two_likes_by_one_account_count_once(story: Story) -> None:
    _, song = await story.known()
    bob = await story.person("bob")
    first = await bob.write(like(song))
    second = await bob.write(like(song))
    await story.holds()
    assert await story.likes_of(song.uri) == 1
    await bob.delete(first)
    await story.holds()
    assert await story.likes_of(song.uri) == 1
    await bob.delete(second)
    await story.holds()
    assert await story.likes_of(song.uri) == 0


async def test_R15_both_likes_gone_in_one_commit_count_none(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    likes = [bob.creating(like(song)) for _ in range(3)]
    await bob.commit(likes)
    await story.holds()
    gone = [type(write)("delete", write.path) for write in likes]
    await bob.commit([*gone, bob.creating(like(song))])
    await story.holds()
    assert await story.likes_of(song.uri) == 1
    assert alice.did


async def test_case_148_R13_a_like_before_its_track_counts_when_the_track_comes(
    story: Story,
) -> None:
    alice = await story.person("alice")
    bob = await story.person("bob")
    write = alice.creating(track("Announced"))
    uri = alice.uri(write.path)
    await bob.write(like(uri))
    await bob.write(comment(uri))
    await bob.write(playlist([uri]))
    await story.holds()
    await alice.commit([write])
    await story.holds()
    assert await story.likes_of(uri) == 1


async def test_R14_likes_outlive_a_track_that_is_deleted_and_created_anew(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    await story.holds()
    await alice.delete(song)
    await story.holds()
    await alice.write(track("Again"), rkey=song.rkey)
    await story.holds()
    assert await story.likes_of(song.uri) == 1


async def test_R16_a_stale_cid_in_a_reference_means_nothing(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song.uri))
    edited = await alice.update(song, track("Edited"))
    await bob.write(comment(strong_ref(edited.uri)["uri"]))
    await story.holds()
    assert await story.likes_of(song.uri) == 1


async def test_case_149_R17_references_to_anything_stop_nothing(story: Story) -> None:
    alice, song = await story.known()
    deleted = await alice.write(track("Soon gone"))
    await alice.delete(deleted)
    album = await alice.write(playlist([song, deleted], "Album", listType="album"))
    subjects = [
        deleted.uri,
        album.uri,
        alice.uri("app.bsky.feed.post/3kaaaaaaaaaa2"),
        alice.did,
        f"at://{alice.did}",
        "at://did:plc:nobodyknowsthisonehere22/fm.plyr.track/3kaaaaaaaaaa2",
        "at://somebody.test/fm.plyr.track/3kaaaaaaaaaa2",
    ]
    bob = await story.person("bob")
    for subject in subjects:
        formed = subject.startswith("at://")
        await bob.write(like(subject), valid=formed)
        await bob.write(comment(subject), valid=formed)
        await bob.write(playlist([song, subject, song]), valid=formed)
    await story.holds()
    likes = await story.query("feed.getLikes", uri=album.uri)
    assert [one["actor"]["did"] for one in likes.body["likes"]] == [bob.did]


async def test_R48_a_list_keeps_its_items_in_order_repeats_too(story: Story) -> None:
    alice, song = await story.known()
    songs = [await alice.write(track(f"No. {number}")) for number in range(7)]
    order = [songs[index] for index in (3, 1, 4, 1, 5, 2, 6, 5)]
    written = await alice.write(playlist([*order, song]))
    await story.holds()
    await alice.update(written, playlist([song, *reversed(order)]))
    await story.holds()
    pages = await story.program.pages("library.getList", "items", uri=written.uri)
    uris = [item["subject"]["uri"] for item in pages]
    assert uris == [song.uri, *(one.uri for one in reversed(order))]


async def test_R9_an_update_of_a_record_never_seen_is_a_record(story: Story) -> None:
    alice, _ = await story.known()
    with story.world.relay.losing():
        unseen = await alice.write(track("Unseen"))
    await alice.update(unseen, track("Seen"))
    await story.holds()


async def test_R10_a_field_left_out_by_an_update_is_gone(story: Story) -> None:
    alice = await story.person("alice")
    full = track("Full", description="#jazz and more", album="Kind", imageUrl="https://x.test/a")
    written = await alice.write(full)
    await story.holds()
    await alice.update(written, track("Bare", duration=None))
    await story.holds()
    answer = await story.query("feed.getTrack", uri=written.uri)
    view = answer.body["track"]
    assert not {"description", "durationMs", "album"} & view.keys()


async def test_R11_an_edit_does_not_move_a_track(story: Story) -> None:
    alice, song = await story.known()
    later = await alice.write(track("Later"))
    await story.holds()
    await alice.update(song, track("Edited", createdAt="2030-01-01T00:00:00Z"))
    await story.holds()
    answer = await story.query("feed.getActorTracks", actor=alice.did)
    assert [item["track"]["uri"] for item in answer.body["feed"]] == [later.uri, song.uri]


async def test_R12_a_reordered_album_keeps_its_name_as_a_hint(story: Story) -> None:
    alice, song = await story.known()
    album = await alice.write(playlist([song], "Kind of Blue", listType="album"))
    await story.holds()
    await alice.update(album, playlist([song, song], None, listType=None))  # type: ignore[arg-type] # left out
    await story.holds()
    answer = await story.query("library.getList", uri=album.uri)
    view = answer.body["list"]
    assert (view["name"], view["listType"]) == ("Kind of Blue", "album")
    assert "name" not in view["record"]


async def test_R19_a_first_profile_counts_and_so_do_its_edits_and_its_end(story: Story) -> None:
    alice = await story.person("alice")
    written = await alice.write(profile("one"))
    await story.holds()
    await alice.update(written, profile("two"))
    await story.holds()
    await alice.delete(written)
    await alice.write(track())
    await story.holds()


async def test_R20_other_environments_never_leak_in(story: Story) -> None:
    alice, _ = await story.known()
    for collection in (
        "fm.plyr.dev.track",
        "fm.plyr.stg.track",
        "fm.plyr.tracks",
        "xfm.plyr.track",
    ):
        await alice.write({**track("Leaked"), "$type": collection})
    await alice.write({**profile("leaked"), "$type": "fm.plyr.dev.actor.profile"})
    await story.holds()
    rows = await story.program.rows(
        "select collection from record where did = $1 and collection <> 'fm.plyr.track'", alice.did
    )
    assert not rows


async def test_R29_a_name_comes_from_the_bluesky_profile_of_people_we_know(story: Story) -> None:
    alice, song = await story.known()
    written = await alice.write(bsky_profile("Alice B."))

    async def named(name: str | None) -> bool:
        answer = await story.query("feed.getTrack", uri=song.uri)
        return bool(answer.body["track"]["author"].get("displayName") == name)

    await wait_until(lambda: named("Alice B."))
    await alice.update(written, bsky_profile("Alice C."))
    await wait_until(lambda: named("Alice C."))
    await alice.delete(written)
    await wait_until(lambda: named(None))


async def test_R54_pages_neither_repeat_nor_skip_what_shares_a_moment(story: Story) -> None:
    alice = await story.person("alice")
    moment = story.world.clock.next()
    keys = [moment[:-2] + a + b for a in "2345" for b in "22345"[1:]]
    await alice.commit([alice.creating(track(f"At {key}"), key) for key in keys])
    await story.holds()
    pages = await story.program.pages("feed.getActorTracks", "feed", actor=alice.did)
    uris = [item["track"]["uri"] for item in pages]
    assert len(uris) == len(set(uris)) == 16


async def test_case_150_R1_the_whole_stream_told_again_changes_nothing(story: Story) -> None:
    alice, song = await story.known()
    bob = await story.person("bob")
    await bob.write(like(song))
    gone = await bob.write(like(song))
    await bob.delete(gone)
    await alice.update(song, track("Final"))
    await alice.write(playlist([song]))
    await story.holds()

    async def nothing_is_due() -> bool:
        walks = "select did from repo where state in ('desynchronized', 'resyncing')"
        return not await story.program.rows(walks)

    await wait_until(nothing_is_due)
    before = await dump(story.program)
    await story.program.terminate()
    first = story.world.relay.log[0][0]
    await story.program.rows("update relay_cursor set seq = $1", first - 1)
    asked = len(story.world.relay.cursors_asked)
    await story.program.start()
    await wait_until(lambda: len(story.world.relay.cursors_asked) > asked)
    assert story.world.relay.cursors_asked[-1] == first - 1
    await story.program.reaches(story.world.relay.seq)
    await wait_until(nothing_is_due)
    assert await dump(story.program) == before
    await story.holds()
