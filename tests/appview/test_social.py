"""Likes and comments."""

from tests.appview.conftest import Client
from tests.appview.makers import Rows, at


async def test_likers_come_newest_first(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob", "carol"):
        await rows.account(name)
    track = await rows.track("alice")
    older = await rows.like("bob", track, sort_at=at(1))
    newer = await rows.like("carol", track, sort_at=at(2))
    answer = await client.ask("feed.getLikes", uri=track)
    assert [like["uri"] for like in answer["likes"]] == [newer, older]
    assert answer["likes"][0]["actor"] == {"did": "did:plc:carol", "handle": "carol.test"}
    assert answer["total"] == 2


async def test_R15_two_likes_by_one_account_are_one(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    first = await rows.like("alice", track)
    await rows.like("alice", track, counted=False)
    answer = await client.ask("feed.getLikes", uri=track)
    assert [like["uri"] for like in answer["likes"]] == [first]
    assert answer["total"] == 1
    liked = await client.ask("feed.getActorLikes", actor="did:plc:alice")
    assert [item["track"]["uri"] for item in liked["feed"]] == [track]


async def test_R16_a_like_of_an_older_version_is_a_like_of_the_track(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    await rows.like("alice", track, subject_cid="bafyreicidofanolderversion")
    await rows.comment("alice", track, subject_cid="bafyreicidofanolderversion")
    assert len((await client.ask("feed.getLikes", uri=track))["likes"]) == 1
    assert len((await client.ask("feed.getComments", uri=track))["comments"]) == 1
    liked = await client.ask("feed.getActorLikes", actor="did:plc:alice")
    assert liked["feed"][0]["track"]["likeCount"] == 1


async def test_R17_likes_of_lists_are_shown_and_are_no_liked_tracks(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    listed = await rows.list("alice")
    await rows.like("alice", listed)
    assert (await client.ask("feed.getLikes", uri=listed))["total"] == 1
    assert (await client.ask("library.getList", uri=listed))["list"]["likeCount"] == 1
    assert (await client.ask("feed.getActorLikes", actor="did:plc:alice"))["feed"] == []


async def test_liked_tracks_come_by_the_time_of_the_like(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    newer = await rows.track("alice", sort_at=at(20))
    older = await rows.track("alice", sort_at=at(10))
    await rows.like("alice", newer, sort_at=at(30))
    await rows.like("alice", older, sort_at=at(40))
    liked = await client.ask("feed.getActorLikes", actor="alice.test")
    assert [item["track"]["uri"] for item in liked["feed"]] == [older, newer]


async def test_a_liked_track_that_is_gone_leaves_no_gap(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice") for _ in range(3)]
    for second, track in enumerate(tracks):
        await rows.like("alice", track, sort_at=at(second))
    await rows.delete(tracks[1])
    liked = await client.ask("feed.getActorLikes", actor="alice.test", limit=2)
    assert [item["track"]["uri"] for item in liked["feed"]] == [tracks[2], tracks[0]]
    assert "cursor" not in liked


async def test_comments_in_each_order(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    late = await rows.comment("alice", track, timestamp_ms=9000, sort_at=at(1))
    early = await rows.comment("alice", track, timestamp_ms=1000, sort_at=at(2))
    middle = await rows.comment("alice", track, timestamp_ms=5000, sort_at=at(3))

    async def ask(**params: str) -> list[str]:
        answer = await client.ask("feed.getComments", uri=track, **params)
        assert answer["total"] == 3
        return [comment["uri"] for comment in answer["comments"]]

    assert await ask() == [early, middle, late]
    assert await ask(sort="newest") == [middle, early, late]
    assert await ask(sort="oldest") == [late, early, middle]


async def test_comments_are_bounded_by_the_moment_of_the_track(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    for moment in (1000, 2000, 3000):
        await rows.comment("alice", track, timestamp_ms=moment)
    for sort in ("timestamp", "newest", "oldest"):
        answer = await client.ask(
            "feed.getComments", uri=track, fromMs="2000", toMs="2999", sort=sort
        )
        assert [comment["timestampMs"] for comment in answer["comments"]] == [2000]


async def test_the_last_moment_there_is_can_be_asked_for(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    await rows.comment("alice", track)
    far = str(2**63 - 1)
    answer = await client.ask("feed.getComments", uri=track, fromMs="0", toMs=far)
    assert len(answer["comments"]) == 1
    assert (await client.ask("feed.getComments", uri=track, fromMs=far))["comments"] == []


async def test_an_edited_comment_says_when(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    await rows.comment("alice", track, text="better", updated_at="2026-01-02T00:00:00Z")
    (comment,) = (await client.ask("feed.getComments", uri=track))["comments"]
    assert (comment["text"], comment["updatedAt"]) == ("better", "2026-01-02T00:00:00Z")
