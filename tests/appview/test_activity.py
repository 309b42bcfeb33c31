"""What people do, in one order."""

from typing import Any

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows, at

ALICE, BOB = "did:plc:alice", "did:plc:bob"


async def a_life(rows: Rows) -> dict[str, str]:
    """One deed of each kind, a minute apart, the oldest first; by name."""
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", sort_at=at(60))
    listed = await rows.list("bob", (track,), name="Nights", sort_at=at(120))
    other = await rows.track("alice", sort_at=at(30))
    await rows.add_to_list(listed, other, at(180))
    return {
        "other": other,
        "track": track,
        "list": listed,
        "like": await rows.like("bob", track, sort_at=at(240)),
        "comment": await rows.comment("bob", track, text="yes", sort_at=at(300)),
        "like of list": await rows.like("alice", listed, sort_at=at(360)),
    }


async def deeds(client: Client, **params: Any) -> list[tuple[str, str]]:
    answer = await client.ask("feed.getActivity", **params)
    return [(item["kind"], item["uri"]) for item in answer["activity"]]


async def test_deeds_of_every_kind_come_newest_first(client: Client, rows: Rows) -> None:
    made = await a_life(rows)
    assert await deeds(client) == [
        ("like", made["like of list"]),
        ("comment", made["comment"]),
        ("like", made["like"]),
        ("list-add", made["list"]),
        ("list", made["list"]),
        ("track", made["track"]),
        ("track", made["other"]),
    ]


async def test_each_deed_says_what_it_is_about(client: Client, rows: Rows) -> None:
    made = await a_life(rows)
    answer = await client.ask("feed.getActivity")
    liked_list, comment, like, added, listed, track, _ = answer["activity"]
    assert liked_list["subject"]["$type"] == "fm.plyr.library.defs#listViewBasic"
    assert liked_list["actor"]["handle"] == "alice.test"
    assert (comment["text"], comment["subject"]["uri"]) == ("yes", made["track"])
    assert "text" not in like
    assert like["subject"]["$type"] == "fm.plyr.feed.defs#trackView"
    assert (added["subject"]["uri"], added["list"]["name"]) == (made["other"], "Nights")
    assert added["createdAt"] == "2026-01-01T00:03:00.000000Z"
    assert (listed["subject"]["name"], "list" in listed) == ("Nights", False)
    assert track["subject"]["uri"] == made["track"]


async def test_kinds_and_actors_are_asked_for(client: Client, rows: Rows) -> None:
    made = await a_life(rows)
    assert await deeds(client, kinds=["comment", "list-add"]) == [
        ("comment", made["comment"]),
        ("list-add", made["list"]),
    ]
    everything = await deeds(client)
    by_alice = [("like", made["like of list"]), *everything[-2:]]
    assert await deeds(client, actor=ALICE) == by_alice
    assert await deeds(client, actor="bob.test") == everything[1:5]
    assert await deeds(client, actor=ALICE, kinds="like") == by_alice[:1]
    assert await client.refusal("feed.getActivity", actor="nobody.test") == "InvalidRequest"
    assert await client.refusal("feed.getActivity", kinds="dance") == "InvalidRequest"


@pytest.mark.parametrize("params", [{}, {"actor": BOB}])
async def test_a_walk_meets_each_deed_once(
    client: Client, rows: Rows, params: dict[str, str]
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    tracks = [await rows.track("alice", sort_at=at(0)) for _ in range(3)]
    listed = await rows.list("bob", sort_at=at(0))
    for track in tracks:
        await rows.like("bob", track, sort_at=at(1))
        await rows.comment("bob", track, sort_at=at(1))
        await rows.add_to_list(listed, track, at(1))
    whole = (await client.ask("feed.getActivity", **params))["activity"]
    assert len(whole) == (10 if params else 13)
    for limit in (1, 2, 5):
        walked: list[Any] = []
        cursor: dict[str, str] = {}
        while len(walked) <= len(whole):
            page = await client.ask("feed.getActivity", **params, **cursor, limit=limit)
            walked += page["activity"]
            if "cursor" not in page:
                break
            cursor = {"cursor": page["cursor"]}
        assert walked == whole


async def test_a_mirror_of_likes_is_no_news(client: Client, rows: Rows) -> None:
    made = await a_life(rows)
    await rows.pool.execute("update list set list_type = 'liked' where uri = $1", made["list"])
    assert [kind for kind, _ in await deeds(client, kinds=["list", "list-add"])] == []


@pytest.mark.parametrize("params", [{}, {"actor": BOB}])
async def test_R28_what_is_hidden_is_no_news(
    client: Client, rows: Rows, params: dict[str, str]
) -> None:
    made = await a_life(rows)
    await rows.take_down(made["track"])
    assert ("like", made["like"]) not in await deeds(client, **params)
    await rows.hide("alice")
    assert await deeds(client, **params) == [("list", made["list"])]
    await rows.hide("bob")
    assert await deeds(client) == []


async def test_an_uncounted_like_is_no_news(client: Client, rows: Rows) -> None:
    made = await a_life(rows)
    await rows.like("bob", made["track"], counted=False, sort_at=at(900))
    for params in ({}, {"actor": BOB}):
        assert (await deeds(client, kinds="like", **params)).count(("like", made["like"])) == 1
        assert len(await deeds(client, kinds="like", actor=BOB)) == 1


async def test_whom_somebody_follows_takes_a_token(client: Client) -> None:
    response = await client.http.get("/xrpc/fm.plyr.feed.getActivity?following=true")
    assert (response.status_code, response.json()["error"]) == (401, "AuthMissing")


async def test_a_cursor_of_another_query_is_refused(client: Client, rows: Rows) -> None:
    await a_life(rows)
    cursor = (await client.ask("feed.getLatest", limit=1))["cursor"]
    assert await client.refusal("feed.getActivity", cursor=cursor) == "InvalidRequest"
