"""Ranked feeds, tags, activity and the network in figures, over what the indexer worked out."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from appview.hydrate.rankings import DEPTH
from appview.pagination import Key, Order, encode
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import START, Rows, at
from tests.indexer.test_ranking import refresh

NOW = START + timedelta(hours=1)


def tracks(answer: dict[str, Any]) -> list[str]:
    return [item["track"]["uri"] for item in answer["feed"]]


async def liked_tracks(rows: Rows, number: int = 5) -> list[str]:
    """Most liked first; each by its own author."""
    await rows.account("first")
    made = []
    for place in range(number):
        await rows.account(f"author{place}")
        await rows.account(f"fan{place}")
        made.append(await rows.track(f"author{place}"))
        for track in made:
            await rows.like(f"fan{place}", track, sort_at=NOW)
    return made


async def test_before_anything_is_ranked_feeds_are_empty(client: Client) -> None:
    assert await client.ask("feed.getTop") == {"feed": [], "window": "week"}
    assert await client.ask("feed.getTrending") == {"feed": []}
    assert await client.ask("actor.listActors", sort="tracks") == {"actors": []}
    assert await client.ask("feed.listTags") == {"tags": []}
    assert set((await client.ask("stats.getNetworkStats")).values()) == {0}


async def test_top_and_trending_come_ranked_and_say_since_when(client: Client, rows: Rows) -> None:
    made = await liked_tracks(rows)
    await refresh(rows.pool, NOW)
    top = await client.ask("feed.getTop", window="day")
    assert tracks(top) == made
    assert (top["window"], top["computedAt"]) == ("day", "2026-01-01T01:00:00Z")
    assert tracks(await client.ask("feed.getTop", metric="comments")) == []
    trending = await client.ask("feed.getTrending")
    assert sorted(tracks(trending)) == sorted(made)
    assert trending["feed"][0]["reason"] == {"$type": "fm.plyr.feed.defs#reasonTrending"}


@pytest.mark.parametrize("method", ["feed.getTop", "feed.getTrending"])
async def test_a_walk_keeps_to_its_ranking_while_another_takes_its_place(
    client: Client, rows: Rows, method: str
) -> None:
    made = await liked_tracks(rows)
    await refresh(rows.pool, NOW)
    whole = tracks(await client.ask(method))
    page = await client.ask(method, limit=2)
    walked = tracks(page)
    for number in range(9):
        await rows.account(f"late{number}")
        await rows.like(f"late{number}", made[-1], sort_at=NOW)
    await rows.pool.execute("update derived.ranking set computed_at = now()")
    await refresh(rows.pool, await rows.pool.fetchval("select now()"))
    while "cursor" in page:
        page = await client.ask(method, limit=2, cursor=page["cursor"])
        walked += tracks(page)
    assert walked == whole


async def test_hidden_tracks_leave_a_ranking_at_once(client: Client, rows: Rows) -> None:
    made = await liked_tracks(rows)
    await refresh(rows.pool, NOW)
    await rows.hide("author0")
    await rows.take_down(made[1])
    page = await client.ask("feed.getTop", limit=3)
    assert tracks(page) == [made[2]]
    rest = await client.ask("feed.getTop", limit=3, cursor=page["cursor"])
    assert tracks(rest) == made[3:]
    assert "cursor" not in rest


async def test_a_ranking_expires(client: Client, rows: Rows) -> None:
    await liked_tracks(rows)
    await refresh(rows.pool, NOW)
    cursor = (await client.ask("feed.getTop", limit=2))["cursor"]
    expire = "update derived.ranking set expires_at = now() + interval '{} seconds'"
    await rows.pool.execute(expire.format(60))
    assert (await client.ask("feed.getTop", limit=2, cursor=cursor))["feed"]
    await rows.pool.execute(expire.format(-1))
    assert await client.refusal("feed.getTop", limit=2, cursor=cursor) == "CursorExpired"
    gone = encode(Order.SNAPSHOT, Key(2, str(uuid4())))
    assert await client.refusal("feed.getTop", cursor=gone) == "CursorExpired"


async def test_a_cursor_belongs_to_its_chart(client: Client, rows: Rows) -> None:
    await liked_tracks(rows)
    await refresh(rows.pool, NOW)
    cursor = (await client.ask("feed.getTop", limit=2))["cursor"]
    assert await client.refusal("feed.getTrending", cursor=cursor) == "InvalidRequest"
    assert await client.refusal("feed.getTop", window="day", cursor=cursor) == "InvalidRequest"
    too_far = encode(Order.SNAPSHOT, Key(DEPTH, str(uuid4())))
    assert await client.refusal("feed.getTop", cursor=too_far) == "InvalidRequest"


TOP = {"actor": "did:plc:alice", "sort": "top"}


async def alices_best(rows: Rows) -> list[str]:
    await rows.account("alice")
    await rows.account("fan")
    best, second, own = [await rows.track("alice") for _ in range(3)]
    await rows.like("fan", best)
    await rows.like("alice", own)
    return [best, own, second]


async def test_an_authors_own_like_lifts_nothing(client: Client, rows: Rows) -> None:
    best, own, second = await alices_best(rows)
    assert tracks(await client.ask("feed.getActorTracks", **TOP)) == [best, own, second]
    await rows.account("ben")
    await rows.like("ben", second)
    assert tracks(await client.ask("feed.getActorTracks", **TOP)) == [second, best, own]


async def test_an_order_is_kept_only_where_pages_follow(client: Client, rows: Rows) -> None:
    made = await alices_best(rows)
    held = "select count(*) from derived.ranking"
    await client.ask("feed.getActorTracks", **TOP)
    assert await rows.pool.fetchval(held) == 0
    page = await client.ask("feed.getActorTracks", **TOP, limit=2)
    assert (await client.ask("feed.getActorTracks", **TOP, limit=2))["cursor"] == page["cursor"]
    assert await rows.pool.fetchval(held) == 1
    rest = await client.ask("feed.getActorTracks", **TOP, limit=2, cursor=page["cursor"])
    assert tracks(page) + tracks(rest) == made
    others = {**TOP, "includeFeatures": "true", "cursor": page["cursor"]}
    assert await client.refusal("feed.getActorTracks", **others) == "InvalidRequest"
    await rows.pool.execute("update derived.ranking set expires_at = now()")
    expired = {**TOP, "cursor": page["cursor"]}
    assert await client.refusal("feed.getActorTracks", **expired) == "CursorExpired"


async def test_a_walk_takes_the_best_of_all_tracks_and_ends_at_its_depth(
    client: Client, rows: Rows
) -> None:
    best = (await alices_best(rows))[0]
    await rows.pool.execute(
        """
        insert into track
        select (jsonb_populate_record(track, jsonb_build_object(
            'uri', uri || number, 'rkey', rkey || number, 'sort_at', now()
        ))).*
        from track, generate_series(1, 1000) as number
        where uri = $1
        """,
        best,
    )
    cursor: dict[str, str] = {}
    walked: list[str] = []
    while True:
        page = await client.ask("feed.getActorTracks", **TOP, limit=100, **cursor)
        walked += tracks(page)
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    assert walked[0] == best
    assert len(set(walked)) == len(walked) == 1_000


async def test_orders_that_are_taken_have_a_bound(client: Client, rows: Rows, pool: Pool) -> None:
    await alices_best(rows)
    await pool.execute(
        """
        insert into derived.ranking (chart, subjects, expires_at)
        select 'taken ' || number, '{}', now() + number * interval '1 millisecond'
        from generate_series(1, 1100) as number
        """
    )
    await client.ask("feed.getActorTracks", **TOP, limit=2)
    assert await pool.fetchval("select count(*) from derived.ranking") == 1001


async def test_related_tracks_say_why(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob", "cem", "ann", "ben"):
        await rows.account(name)
    seed = await rows.track("alice", tags=["tape"])
    shared = await rows.track("bob")
    for fan in ("ann", "ben"):
        await rows.like(fan, seed)
        await rows.like(fan, shared)
    by_alice = await rows.track("alice")
    tagged = await rows.track("cem", tags=["tape"])
    await refresh(rows.pool, NOW)
    answer = await client.ask("feed.getRelated", uri=seed)
    assert [(item["track"]["uri"], item["reason"]) for item in answer["tracks"]] == [
        (shared, "co-liked"),
        (by_alice, "same-author"),
        (tagged, "same-tag"),
    ]
    await rows.hide("bob")
    (first,) = (await client.ask("feed.getRelated", uri=seed, limit=1))["tracks"]
    assert first["track"]["uri"] == by_alice


async def test_nothing_is_related_to_what_is_not_shown(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    assert (await client.ask("feed.getRelated", uri=track))["tracks"] == []
    await rows.take_down(track)
    assert await client.refusal("feed.getRelated", uri=track) == "TrackNotFound"


async def test_R52_a_tag_is_found_however_it_is_written_with_a_slash_too(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    older = await rows.track("alice", tags=["field recording", "r&b/soul"])
    newer = await rows.track("alice", tags=["field recording"])
    await rows.track("alice", tags=["field"])
    for tag in ("field recording", "#Field  Recording"):
        assert tracks(await client.ask("feed.getTagFeed", tag=tag)) == [newer, older]
    assert tracks(await client.ask("feed.getTagFeed", tag="R&B/Soul")) == [older]
    assert tracks(await client.ask("feed.getTagFeed", tag="#")) == []


async def test_tags_come_by_use_and_by_how_they_begin(client: Client, rows: Rows) -> None:
    for name in ("alice", "hidden"):
        await rows.account(name)
    await rows.track("alice", tags=["lo-fi", "live"])
    await rows.track("alice", tags=["lo-fi", "tape"])
    await rows.track("hidden", tags=["tape", "tape loops"])
    await rows.hide("hidden")
    await refresh(rows.pool, NOW)

    async def ask(**params: Any) -> list[tuple[str, int]]:
        answer = await client.ask("feed.listTags", **params)
        return [(found["tag"], found["count"]) for found in answer["tags"]]

    assert await ask() == [("lo-fi", 2), ("live", 1), ("tape", 1)]
    assert await ask(limit=1) == [("lo-fi", 2)]
    assert await ask(q="#L") == [("lo-fi", 2), ("live", 1)]
    assert await ask(q="lo-") == [("lo-fi", 2)]
    assert await ask(q="%") == []


async def test_actors_come_by_age_or_by_counts(client: Client, rows: Rows) -> None:
    await rows.account("old", first_seen_at=at(1))
    await rows.account("young", first_seen_at=at(2))
    await rows.account("nothing", first_seen_at=at(3))
    tracks_of_old = [await rows.track("old") for _ in range(2)]
    await rows.like("young", tracks_of_old[0])
    for track in [await rows.track("young")]:
        await rows.like("young", track)
        await rows.like("old", track)
        await rows.like("nothing", track, counted=False)
    await rows.like("old", tracks_of_old[0])
    await refresh(rows.pool, NOW)

    async def ask(**params: Any) -> list[str]:
        answer = await client.ask("actor.listActors", **params)
        return [actor["handle"] for actor in answer["actors"]]

    assert await ask() == ["young.test", "old.test"]
    assert await ask(sort="tracks") == ["old.test", "young.test"]
    assert await ask(sort="likes-received") == ["old.test", "young.test"]
    page = await client.ask("actor.listActors", limit=1)
    assert await ask(limit=1, cursor=page["cursor"]) == ["old.test"]
    for sort in ("newest", "tracks"):
        answer = await client.refusal("actor.listActors", sort=sort, cursor="garbage")
        assert answer == "InvalidRequest"


async def test_figures_of_the_network_are_those_that_were_summed_up(
    client: Client, rows: Rows
) -> None:
    await liked_tracks(rows, 2)
    await refresh(rows.pool, NOW)
    stats = await client.ask("stats.getNetworkStats")
    assert stats == {
        "tracks": 2,
        "artists": 2,
        "listeners": 2,
        "likes": 3,
        "comments": 0,
        "lists": 0,
        "totalDurationMs": 0,
    }
